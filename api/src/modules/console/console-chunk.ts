/** Kinds of what stands in a console. A gap is what is missing, with its reason. */
export type ConsoleChunk = {
  from: number
  to: number
  kind: 'OUTPUT' | 'INPUT' | 'NOTICE'
  runId: string
  /** Milliseconds since 1970. */
  at: number
  actor: string | null
  bytes: Buffer
}

export type ConsoleGap = { from: number; to: number; kind: 'GAP'; reason: 'FLOOD' | 'RETENTION' | 'SLOW_VIEWER' | 'DAMAGED' }

/** One piece of a console; the next one's `from` is this one's `to`. */
export type ConsolePiece = ConsoleChunk | ConsoleGap

/** Pieces are joined up to this size for viewers. */
export const JOINED_BYTES = 64 * 1024

/** The part of a piece from a position on. */
export function dropBefore(piece: ConsolePiece, position: number): ConsolePiece {
  if (position <= piece.from) return piece
  return piece.kind === 'GAP'
    ? { ...piece, from: position }
    : { ...piece, from: position, bytes: piece.bytes.subarray(position - piece.from) }
}

/** The part of a piece before a position. */
export function dropAfter(piece: ConsolePiece, position: number): ConsolePiece {
  if (position >= piece.to) return piece
  return piece.kind === 'GAP'
    ? { ...piece, to: position }
    : { ...piece, to: position, bytes: piece.bytes.subarray(0, position - piece.from) }
}

/** The first offset from `offset` on that is not inside a character. */
export function characterStart(bytes: Buffer, offset: number): number {
  let at = offset
  while (at < bytes.length && at - offset < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at += 1
  return at
}

export function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1
  return lines
}

/** People read times to the second: pieces of one second may share a time. */
const secondOf = ({ at }: ConsoleChunk): number => Math.floor(at / 1000)

/** Joins neighbours of one run, kind and second, so that history travels in few large messages and keeps its times. */
export function* joinPieces(pieces: Iterable<ConsolePiece>, largest: number): Generator<ConsolePiece> {
  let open: ConsoleChunk[] = []
  let size = 0
  const close = function* (): Generator<ConsolePiece> {
    const [first] = open
    const last = open.at(-1)
    if (first !== undefined && last !== undefined)
      yield open.length === 1 ? first : { ...first, to: last.to, bytes: Buffer.concat(open.map((chunk) => chunk.bytes)) }
    open = []
    size = 0
  }
  for (const piece of pieces) {
    const [first] = open
    const fits =
      first !== undefined &&
      piece.kind === 'OUTPUT' &&
      first.runId === piece.runId &&
      secondOf(first) === secondOf(piece) &&
      size + piece.bytes.length <= largest
    if (!fits) yield* close()
    if (piece.kind === 'OUTPUT') {
      open.push(piece)
      size += piece.bytes.length
    } else yield piece
  }
  yield* close()
}
