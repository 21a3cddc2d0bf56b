import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { percentile } from '../support/bench.ts'
import { downloadConsole } from '../support/console-rig/console-text.ts'
import { reach, view, write } from '../support/console-rig/rig.ts'
import type { Random } from '../support/faults/random.ts'
import { useRig } from '../support/faults/rig.ts'
import { faultRow } from '../support/faults/row.ts'

const getRig = useRig()

const MEBIBYTE = 2 ** 20
const VIEWERS = 20
/** What latency is good beside it; a test fails at five times as much. */
const GOOD_MS = 40
const PATIENCE = 5

/** A line of 1 MiB in one write, with a word in its middle. */
const longLine = (word: string, random: Random) => {
  const at = random.between(MEBIBYTE / 4, (MEBIBYTE * 3) / 4)
  return Buffer.from(`${'long '.repeat(MEBIBYTE / 5).slice(0, at)} ${word} ${'and longer '.repeat(MEBIBYTE / 11)}`.slice(0, MEBIBYTE))
}

/** Every byte there is, in no order: no text in any encoding. */
const binary = (random: Random) => Buffer.from(Array.from({ length: MEBIBYTE / 4 }, () => random.between(0, 255)))

const ESCAPES = [
  '\x1b[2J\x1b[H',
  '\x1b[38;5;196m',
  '\x1b]0;title\x07',
  '\x1b]52;c;Y2F0\x07',
  '\x1b]8;;http://x\x07link\x1b]8;;\x07',
  '\x1b[6n',
  '\x1bc',
  '\x9b31m',
  '\r',
  '\b',
  '\0',
]
const ansi = (random: Random) => Buffer.from(Array.from({ length: 20_000 }, () => random.pick(ESCAPES)).join('noise'), 'latin1')

type Matches = { searchConsole: { nodes: { position: number; text: string }[] } }

faultRow({ row: 16, fault: 'a line of 1 MiB without end, binary and ANSI noise', tries: { long: 20, short: 2 } }, async (attempt) => {
  const { rig, helper, durableEnd } = getRig()
  const { random } = attempt
  const [writer, viewers] = [helper('writer'), helper('viewer')]
  const start = await rig.consoleEnd()
  let position = start
  await view(viewers, {
    url: `${rig.url.replace('http', 'ws')}/graphql`,
    token: rig.client.token,
    serverId: rig.serverId,
    count: VIEWERS,
    starts: [start],
  })

  const words = { inLine: `needle${String(random.between(1e8, 9e8))}`, behind: `marker${String(random.between(1e8, 9e8))}` }
  const noise = Buffer.concat([
    longLine(words.inLine, random),
    binary(random),
    ansi(random),
    longLine('again', random),
    Buffer.from(`\n${words.behind}\n`),
  ])
  // As a pipe hands it on: in parts that end anywhere, also inside a character.
  for (let at = 0; at < noise.length;) {
    const end = Math.min(noise.length, at + random.between(1, 200_000))
    appendFileSync(rig.gameFile, noise.subarray(at, end))
    at = end
    if (random.next() < 0.5) await delay(random.between(0, 20))
  }
  position += noise.length
  const read = async () => {
    const reached = await reach(viewers, { position })
    for (const fault of reached.faults) attempt.violation(`a viewer: ${fault}`)
    return reached.latenciesMs
  }
  await read()
  position += (await write(writer, { file: rig.gameFile, linesPerSecond: 100, seconds: 2, lineBytes: 90 })).bytes
  const late = percentile(await read(), 0.99)
  if (late > PATIENCE * GOOD_MS) attempt.violation(`a line behind the noise came after ${late.toFixed(0)} ms`)

  while ((await durableEnd()) < position) await delay(20)
  // The first run's position 0 is the download's first byte: nothing is pruned here, and nobody has typed.
  const stored = (await downloadConsole(rig)).subarray(start, start + noise.length)
  if (!stored.equals(noise))
    attempt.violation(`the log has other bytes than the game wrote, from ${String(firstDifference(stored, noise))} on`)
  const search = async (by: object) =>
    (
      await rig.client.query<Matches>(
        'query ($id: ID!, $text: String, $regex: String) { searchConsole(serverId: $id, text: $text, regex: $regex) { nodes { position text } } }',
        { id: rig.serverId, ...by },
      )
    ).searchConsole.nodes
  for (const [what, word, by] of [
    ['a word in the long line', words.inLine, { text: words.inLine }],
    ['a line behind the noise', words.behind, { text: words.behind }],
    ['a line behind the noise by its pattern', words.behind, { regex: `^${words.behind.slice(0, -1)}\\d$` }],
  ] as const) {
    const found = await search(by)
    if (found.length !== 1 || found[0]?.text.includes(word) !== true)
      attempt.violation(`${what} is found as ${JSON.stringify(found).slice(0, 300)}`)
  }
  await view(viewers, { url: '', token: '', serverId: null, count: 0, starts: [] })
  await Promise.all([writer, viewers].map((each) => each.stop()))
})

const firstDifference = (one: Buffer, other: Buffer) => one.findIndex((byte, index) => byte !== other[index])
