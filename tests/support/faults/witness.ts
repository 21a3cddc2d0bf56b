import { setTimeout as delay } from 'node:timers/promises'
import { readConsole, type ConsoleReader } from '../console-reader.ts'
import { sendConsoleCommand, MutationRefused } from '../scenario.ts'
import { createThirdParty } from '../third-party.ts'
import { within } from './within.ts'

/** A game of `witness.yaml` that is followed through faults, and typed into. */
export type Witness = {
  readonly id: string
  readonly reader: ConsoleReader
  /** Types a line that no other is like. What became of it is checked later. */
  type(): Promise<void>
  /** Types every `milliseconds` until the returned function is called; it resolves when the last answer is there. */
  typeEvery(milliseconds: number): () => Promise<void>
  /** What is wrong with the console and with what was typed, in words. Wait for the truth first. */
  breaches(commands: readonly TypedCommand[]): string[]
  stop(): Promise<void>
}

/** A console command as the database has it. */
export type TypedCommand = { serverId: string; text: string; status: string; errorCode: string | null }

/** The agent cannot say whether the game has it. */
const UNKNOWN = 'OUTCOME_UNKNOWN'

type Outcome = 'done' | 'refused' | 'unknown'

/** What is wrong with numbered lines: each run of the game counts from one without a hole. */
export function brokenCounts(output: string): string[] {
  const breaches: string[] = []
  for (const run of output.split('witness ready\n').slice(1)) {
    for (const word of ['tick', 'got']) {
      const numbers = [...run.matchAll(new RegExp(`^${word} (\\d+)\\b.*\\n`, 'gm'))].map((match) => Number(match[1]))
      const wrong = numbers.findIndex((number, index) => number !== index + 1)
      if (wrong >= 0) breaches.push(`${word} ${String(numbers[wrong])} where ${String(wrong + 1)} was due`)
    }
  }
  return breaches
}

/** What is wrong between what was typed, what became of it in the database, and what the game has read. */
export function brokenCommands(
  typed: ReadonlyMap<string, Outcome>,
  commands: readonly Omit<TypedCommand, 'serverId'>[],
  output: string,
): string[] {
  const breaches: string[] = []
  const stored = new Map(commands.map((command) => [command.text, command]))
  const read = [...output.matchAll(/^got \d+ (line-.*)$/gm)].map(([, text]) => text ?? '')
  for (const [text, outcome] of typed) {
    const times = read.filter((one) => one === text).length
    const command = stored.get(text)
    const isDone = outcome === 'done' || command?.status === 'DONE'
    const isRefused = outcome === 'refused' || (command?.status === 'FAILED' && command.errorCode !== UNKNOWN)
    if (times > 1) breaches.push(`${text} was applied ${String(times)} times`)
    if (isDone && times === 0) breaches.push(`${text} is DONE and was never read by the game`)
    if (isRefused && times === 1) breaches.push(`${text} was refused and read by the game`)
    if (times === 1 && command === undefined) breaches.push(`${text} was read by the game and is not stored`)
  }
  return breaches
}

const ANSWER_MS = 20_000

export function followWitness(url: string, token: string, id: string): Witness {
  const reader = readConsole(() => createThirdParty(url, token), id)
  const client = createThirdParty(url, token)
  const typed = new Map<string, Outcome>()
  let count = 0

  const type = async () => {
    count += 1
    const text = `line-${String(count)}-${id.slice(-6)}`
    typed.set(text, 'unknown')
    try {
      const status = await within(ANSWER_MS, 'a console command', sendConsoleCommand(client, id, text))
      if (status === 'DONE') typed.set(text, 'done')
    } catch (error) {
      // Refused with a typed answer means: not written. Anything else says nothing about it.
      if (error instanceof MutationRefused) typed.set(text, 'refused')
    }
  }

  return {
    id,
    reader,
    type,
    typeEvery(milliseconds) {
      const over = new AbortController()
      const running = (async () => {
        while (!over.signal.aborted) {
          await type()
          await delay(milliseconds, undefined, { signal: over.signal }).catch(() => undefined)
        }
      })()
      return async () => {
        over.abort()
        await running
      }
    },
    breaches(commands) {
      const output = reader.output()
      const own = commands.filter(({ serverId }) => serverId === id)
      const breaches = [...reader.violations, ...brokenCounts(output), ...brokenCommands(typed, own, output)]
      return breaches.map((breach) => `console of ${id}: ${breach}`)
    },
    async stop() {
      await reader.stop()
    },
  }
}
