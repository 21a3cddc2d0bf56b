import { isAscii } from 'node:buffer'
import { parentPort, workerData } from 'node:worker_threads'

/** `literal` is what every line that matches contains, or an empty text. */
export type SearchedPattern = { pattern: string; flags: string; literal: string }

/** What is searched in: whole lines. The bytes come with the message and are the worker's. */
export type SearchTask = { bytes: Uint8Array<ArrayBuffer>; limit: number }
/** Offsets of a line and of what was found in it. */
export type FoundLine = { start: number; end: number; at: number }

/** Only so much of a line is looked at: it bounds what a pattern can take. */
const SEARCHED_OF_LINE = 4096

const given = workerData as SearchedPattern
const pattern = new RegExp(given.pattern, given.flags)
const literal = Buffer.from(given.literal)

parentPort?.on('message', ({ bytes, limit }: SearchTask) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // One text for all lines where a byte is a character.
  const text = isAscii(buffer) ? buffer.toString('latin1') : null
  const found: FoundLine[] = []
  for (let end = buffer.length; end > 0 && found.length < limit;) {
    if (literal.length > 0) {
      // Straight to the last line that can match.
      const at = end < literal.length ? -1 : buffer.lastIndexOf(literal, end - literal.length)
      if (at === -1) break
      const lineEnd = buffer.indexOf(10, at)
      end = lineEnd === -1 ? end : Math.min(end, lineEnd + 1)
    }
    if (buffer[end - 1] === 10) end -= 1
    if (buffer[end - 1] === 13) end -= 1
    const start = end === 0 ? 0 : (text === null ? buffer.lastIndexOf(10, end - 1) : text.lastIndexOf('\n', end - 1)) + 1
    const searchedEnd = Math.min(end, start + SEARCHED_OF_LINE)
    const match = pattern.exec(text === null ? buffer.toString('utf8', start, searchedEnd) : text.slice(start, searchedEnd))
    if (match !== null) found.push({ start, end, at: start + match.index })
    end = start
  }
  parentPort?.postMessage(found)
})
