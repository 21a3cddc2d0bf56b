import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { ConsolePiece } from './console-chunk.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const LEVEL = 3
/** A usual segment comes out in one piece, and what stays of it holds on to hardly more memory than it has bytes. */
const LARGEST_CHUNK_BYTES = 320 * 1024
const LEAST_CHUNK_BYTES = 4 * 1024
const USUAL_RATIO = 16
const COMPRESSED_CHUNK_BYTES = 16 * 1024
/** A segment is at most 1 MiB of text, and a message of an agent as much. */
const LARGEST = 16 * 2 ** 20
const LENGTH_BYTES = 4

/** What stands before the text, column by column: neighbours are alike, which compresses to almost nothing. */
type Table = {
  from: number
  kinds: ConsolePiece['kind'][]
  /** Bytes of each, those of gaps included. */
  sizes: number[]
  /** Index into `runs`, and milliseconds since the chunk before; null for gaps. */
  runOf: (number | null)[]
  at: (number | null)[]
  runs: string[]
  /** By index of the piece. */
  actors: Record<number, string>
  reasons: Record<number, string>
}

function tableOf(pieces: readonly ConsolePiece[]): Table {
  const runs: string[] = []
  const table: Table = { from: pieces[0]?.from ?? 0, kinds: [], sizes: [], runOf: [], at: [], runs, actors: {}, reasons: {} }
  let time = 0
  for (const [index, piece] of pieces.entries()) {
    table.kinds.push(piece.kind)
    table.sizes.push(piece.to - piece.from)
    if (piece.kind === 'GAP') {
      table.runOf.push(null)
      table.at.push(null)
      table.reasons[index] = piece.reason
      continue
    }
    if (!runs.includes(piece.runId)) runs.push(piece.runId)
    table.runOf.push(runs.indexOf(piece.runId))
    table.at.push(piece.at - time)
    time = piece.at
    if (piece.actor !== null) table.actors[index] = piece.actor
  }
  return table
}

/** A segment is zstd of: length of the table (4 bytes, big endian), table (JSON), the bytes as the game wrote them. */
export async function encodeSegment(pieces: readonly ConsolePiece[]): Promise<Uint8Array<ArrayBuffer>> {
  const table = Buffer.from(JSON.stringify(tableOf(pieces)))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(table.length)
  const bytes = Buffer.concat([length, table, ...pieces.flatMap((piece) => (piece.kind === 'GAP' ? [] : [piece.bytes]))])
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 }
  // Told the size, zstd takes tables and a window for that much, not for megabytes. Node keeps the pieces of what came out until
  // the next full garbage collection: they are small.
  const options = { pledgedSrcSize: bytes.length, chunkSize: COMPRESSED_CHUNK_BYTES }
  return new Uint8Array(await compress(bytes, { params, ...options }))
}

/** Segments of the first version were records: length of a header, header (JSON), length of the bytes, bytes. */
function decodeRecords(bytes: Buffer): ConsolePiece[] {
  const pieces: ConsolePiece[] = []
  for (let at = 0; at < bytes.length;) {
    const bytesAt = at + LENGTH_BYTES + bytes.readUInt32BE(at)
    const header = JSON.parse(bytes.toString('utf8', at + LENGTH_BYTES, bytesAt)) as ConsolePiece
    at = bytesAt + LENGTH_BYTES + bytes.readUInt32BE(bytesAt)
    pieces.push(header.kind === 'GAP' ? header : { ...header, bytes: bytes.subarray(bytesAt + LENGTH_BYTES, at) })
  }
  return pieces
}

/** The pieces of a segment in order. @throws when the data are damaged */
export async function decodeSegment(data: Uint8Array): Promise<ConsolePiece[]> {
  const chunkSize = Math.min(Math.max(data.length * USUAL_RATIO, LEAST_CHUNK_BYTES), LARGEST_CHUNK_BYTES)
  const bytes = await decompress(data, { maxOutputLength: LARGEST, chunkSize })
  const textAt = LENGTH_BYTES + bytes.readUInt32BE(0)
  const table = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, textAt)) as Table | ConsolePiece
  if ('kind' in table) return decodeRecords(bytes)
  const pieces: ConsolePiece[] = []
  let from = table.from
  let time = 0
  let offset = textAt
  for (const [index, kind] of table.kinds.entries()) {
    const to = from + (table.sizes[index] ?? 0)
    if (kind === 'GAP') pieces.push({ kind, from, to, reason: (table.reasons[index] ?? 'DAMAGED') as 'DAMAGED' })
    else {
      time += table.at[index] ?? 0
      const runId = table.runs[table.runOf[index] ?? 0] ?? ''
      pieces.push({
        kind,
        from,
        to,
        runId,
        at: time,
        actor: table.actors[index] ?? null,
        bytes: bytes.subarray(offset, offset + to - from),
      })
      offset += to - from
    }
    from = to
  }
  return pieces
}
