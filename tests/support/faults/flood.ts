import type { ConsoleEvent } from '../console-reader.ts'
import type { ThirdParty } from '../third-party.ts'

/** A piece of a console as it is compared: its text, or null where it was given up. */
export type Stretch = { from: number; to: number; text: string | null }

type Node = { __typename: string; from: number; to: number; text?: string; reason?: string }

const PAGE = `query ($id: ID!, $after: SafeInt!) { console(serverId: $id, after: $after, lines: 5000) {
  nodes { __typename from to ... on ConsoleChunk { text } ... on ConsoleGap { reason } } } }`

/** Neighbours of one kind as one, cut to a range. Text has one byte a character. */
export function stretches(events: readonly (ConsoleEvent | Node)[], from: number, to: number): Stretch[] {
  const found: Stretch[] = []
  for (const event of events) {
    const [begin, end] = [Math.max(event.from, from), Math.min(event.to, to)]
    if (begin >= end) continue
    const text = 'text' in event && event.text !== undefined ? event.text.slice(begin - event.from, end - event.from) : null
    const last = found.at(-1)
    if (last?.to !== begin || (last.text === null) !== (text === null)) found.push({ from: begin, to: end, text })
    else {
      last.to = end
      if (text !== null) last.text = (last.text ?? '') + text
    }
  }
  return found
}

/** What the printer prints first. */
const READY = 'printer ready'

/** The output between notices: a game that was ended goes on behind one, in a new run. */
export function betweenNotices(events: readonly ConsoleEvent[]): ConsoleEvent[][] {
  const found: ConsoleEvent[][] = [[]]
  for (const event of events) {
    if ('kind' in event && event.kind === 'NOTICE') found.push([])
    else found.at(-1)?.push(event)
  }
  return found
}

/** What is wrong with lines that a game numbers: each follows the one before it, unless a gap was announced between them. */
export function brokenNumbers(list: readonly Stretch[]): string[] {
  const breaches: string[] = []
  let last = -Infinity
  let rest = ''
  for (const { from, text } of list) {
    if (text === null) continue
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const [index, line] of lines.entries()) {
      if (line.includes(READY)) {
        last = 0
        continue
      }
      const number = Number(/^out (\d+)$/.exec(line)?.[1] ?? Number.NaN)
      // The first of the range may be cut; behind a gap they go on further on.
      if (Number.isNaN(number)) {
        if (last !== -Infinity) breaches.push(`"${line.slice(0, 40)}" at ${String(from)} is no line of the game`)
        continue
      }
      const isNext = index === 0 || last === -Infinity ? number > last : number === last + 1
      if (!isNext) breaches.push(`line ${String(number)} behind ${String(last)}`)
      last = number
    }
  }
  return breaches
}

/** What the history has of a console in a range. */
export async function readHistory(client: ThirdParty, id: string, from: number, to: number): Promise<Stretch[]> {
  const nodes: Node[] = []
  for (let position = from; position < to;) {
    const { console } = await client.query<{ console: { nodes: Node[] } }>(PAGE, { id, after: position })
    nodes.push(...console.nodes)
    const end = console.nodes.at(-1)?.to
    if (end === undefined) break
    position = end
  }
  return stretches(nodes, from, to)
}

/** The first place at which two views of a range differ, in words; null when they are one. */
export function difference(one: readonly Stretch[], other: readonly Stretch[]): string | null {
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const [a, b] = [one[index], other[index]]
    if (a?.from === b?.from && a?.to === b?.to && a?.text === b?.text) continue
    const say = (piece: Stretch | undefined) =>
      piece === undefined ? 'nothing' : `${String(piece.from)}–${String(piece.to)} ${piece.text === null ? 'given up' : 'kept'}`
    return `${say(a)} and ${say(b)}`
  }
  return null
}
