import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { ConsoleChunk, ConsolePiece } from './console-chunk.ts'
import type { FoundLine, SearchedPattern, SearchTask } from './console-search-worker.ts'
import { literalOf } from './pattern-literal.ts'
import { inSmallLetters, prefilterOf, withoutSequences } from './searched-text.ts'

/** A line that was found. `position` is where it begins; a very long one is cut around what was found. */
export type ConsoleMatch = { position: number; at: Date; text: string }

/** `matchCase`: capitals are not the same as small letters; of a text, as far as they are ASCII. */
export type SearchQuery = ({ kind: 'text'; text: string } | { kind: 'regex'; pattern: string }) & { matchCase: boolean }

/** `next` is where to search on, backwards; null when the oldest byte was reached. */
export type SearchResult = { matches: ConsoleMatch[]; next: number | null }

export type SearchOptions = {
  query: SearchQuery
  first: number
  /** Pieces of segments, the newest segment first; each call gives the next ones, and none at the beginning of the console. */
  more: () => Promise<ConsolePiece[][]>
  monotonicMs: () => number
}

/** A search ends after this, with what it has found. */
const SEARCH_MS = 2000
const MOST_BYTES = 256 * 2 ** 20
const LONGEST_TEXT = 1024
/** A line without an end is searched in parts of this size. */
const LONGEST_LINE = 2 ** 20

/** Even the first piece took too long. */
export class SearchTooSlowError extends Error {
  override readonly name = 'SearchTooSlowError'
}

/** Bytes without a gap, with the chunks they come from. */
type Block = { from: number; bytes: Buffer; chunks: ConsoleChunk[] }

/** The blocks of one segment, the newest first. */
function blocksOf(pieces: readonly ConsolePiece[]): Block[] {
  const blocks: Block[] = []
  let open: ConsoleChunk[] = []
  const close = () => {
    const [first] = open
    if (first !== undefined) blocks.unshift({ from: first.from, bytes: Buffer.concat(open.map((chunk) => chunk.bytes)), chunks: open })
    open = []
  }
  for (const piece of pieces) {
    if (piece.kind === 'GAP') close()
    else open.push(piece)
  }
  close()
  return blocks
}

/** Lines that contain a text, the last first. */
function findText(bytes: Buffer, needle: Buffer, limit: number): FoundLine[] {
  const found: FoundLine[] = []
  for (let end = bytes.length; end > 0 && found.length < limit;) {
    // A negative offset would count from the end.
    const at = end < needle.length ? -1 : bytes.lastIndexOf(needle, end - needle.length)
    if (at === -1) break
    const start = at === 0 ? 0 : bytes.lastIndexOf(10, at - 1) + 1
    const lineEnd = bytes.indexOf(10, at)
    found.push({ start, end: lineEnd === -1 ? bytes.length : lineEnd, at })
    end = start
  }
  return found
}

/** Finds lines in bytes, the last first; null when the time was over. */
type LineFinder = { find(bytes: Buffer, limit: number, ms: number): Promise<FoundLine[] | null>; stop(): Promise<unknown> }

function createTextFinder(needle: Buffer): LineFinder {
  return { find: (bytes, limit) => Promise.resolve(findText(bytes, needle, limit)), stop: () => Promise.resolve() }
}

/** Runs patterns outside of this thread: one that takes too long is ended, and holds up nobody. */
function createPatternFinder(searched: SearchedPattern): LineFinder {
  const worker = new Worker(new URL('./console-search-worker.ts', import.meta.url), { workerData: searched })
  let answer: PromiseWithResolvers<FoundLine[]> | null = null
  worker.on('message', (found: FoundLine[]) => answer?.resolve(found))
  worker.on('error', (error) => answer?.reject(error))
  return {
    async find(bytes, limit, ms) {
      answer = Promise.withResolvers<FoundLine[]>()
      const task: SearchTask = { bytes: new Uint8Array(bytes), limit }
      worker.postMessage(task, [task.bytes.buffer])
      const timer = Promise.withResolvers<null>()
      const timeout = setTimeout(timer.resolve, ms, null)
      try {
        return await Promise.race([answer.promise, timer.promise])
      } finally {
        clearTimeout(timeout)
      }
    },
    stop: () => worker.terminate(),
  }
}

/** Searches in what a person reads: colours do not count, nor do capitals unless they are to. */
function createFinder(query: SearchQuery): LineFinder {
  const { matchCase } = query
  const folded = (bytes: Buffer) => (matchCase ? bytes : inSmallLetters(bytes))
  const literal = folded(Buffer.from(query.kind === 'text' ? query.text : literalOf(query.pattern)))
  const mayContain = prefilterOf(literal, matchCase)
  const finder =
    query.kind === 'text'
      ? createTextFinder(literal)
      : createPatternFinder({ pattern: query.pattern, flags: matchCase ? '' : 'i', literal: literal.toString() })
  return {
    async find(bytes, limit, ms) {
      const read = withoutSequences(bytes)
      if (!mayContain(read.bytes)) return []
      const found = await finder.find(folded(read.bytes), limit, ms)
      return found?.map(({ start, end, at }) => ({ start: read.placeOf(start), end: read.placeOf(end), at: read.placeOf(at) })) ?? null
    },
    stop: () => finder.stop(),
  }
}

function toMatch({ from, bytes, chunks }: Block, { start, end, at }: FoundLine): ConsoleMatch {
  const position = from + start
  const chunk = chunks.findLast((candidate) => candidate.from <= position) ?? chunks[0]
  const textFrom = end - start > LONGEST_TEXT ? Math.max(start, Math.min(at - LONGEST_TEXT / 4, end - LONGEST_TEXT)) : start
  const text = bytes.toString('utf8', textFrom, Math.min(end, textFrom + LONGEST_TEXT)).replace(/\r$/, '')
  return { position, at: new Date(chunk?.at ?? 0), text }
}

/**
 * Searches a console backwards, line by line: at most 2 s and 256 MiB, then it says where to go on. Lines are whole, wherever
 * segments cut them.
 */
export async function searchConsole({ query, first, more, monotonicMs }: SearchOptions): Promise<SearchResult> {
  const deadline = monotonicMs() + SEARCH_MS
  const finder = createFinder(query)
  const matches: ConsoleMatch[] = []
  /** Beginning of the line that goes on from the block before the one that was searched last. */
  let rest: Block | null = null
  let next: number | null = null
  let searched = 0

  /** False when the time is over. @throws SearchTooSlowError when it was over before anything was searched */
  const search = async (block: Block): Promise<boolean> => {
    searched += block.bytes.length
    // A text is found in this thread: others have their turn between blocks.
    await nextTurn()
    const limit = first - matches.length
    const left = deadline - monotonicMs()
    const found = await finder.find(block.bytes, limit, Math.max(0, left))
    if (found === null || left <= 0) {
      if (next === null) throw new SearchTooSlowError()
      return false
    }
    for (const line of found) matches.push(toMatch(block, line))
    next = matches.length >= first ? (matches.at(-1)?.position ?? block.from) : block.from
    return true
  }
  const isDone = () => matches.length >= first || searched >= MOST_BYTES

  try {
    for (;;) {
      const segments = await more()
      for (const block of segments.flatMap(blocksOf)) {
        const older = block.from + block.bytes.length
        // What is left of the newer block belongs to this one's last line, or stands alone behind a gap.
        if (rest !== null && rest.from !== older) {
          if (!(await search(rest)) || isDone()) return { matches, next }
          rest = null
        }
        const whole: Block =
          rest === null
            ? block
            : { from: block.from, bytes: Buffer.concat([block.bytes, rest.bytes]), chunks: [...block.chunks, ...rest.chunks] }
        const lineEnd = whole.bytes.indexOf(10)
        const cut = lineEnd === -1 ? (whole.bytes.length > LONGEST_LINE ? 0 : whole.bytes.length) : lineEnd + 1
        const lines: Block = { ...whole, from: whole.from + cut, bytes: whole.bytes.subarray(cut) }
        rest = cut === 0 ? null : { ...whole, bytes: whole.bytes.subarray(0, cut) }
        if (lines.bytes.length === 0) continue
        if (!(await search(lines)) || isDone()) return { matches, next }
      }
      if (segments.length > 0) continue
      if (rest !== null && (!(await search(rest)) || isDone())) return { matches, next }
      return { matches, next: null }
    }
  } finally {
    await finder.stop()
  }
}
