import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import type { ConsolePiece } from './console-chunk.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
const LEVEL = 3
/** A usual segment comes out in one piece. */
const CHUNK_BYTES = 320 * 1024
/** A segment is at most 256 KiB of text, and a message of an agent 1 MiB. */
const LARGEST = 16 * 2 ** 20

/**
 * A segment is zstd of records: length of the header (4 bytes, big endian), header (JSON without bytes), length of the bytes
 * (4 bytes), the bytes as the game wrote them. A gap has none.
 */
export async function encodeSegment(pieces: readonly ConsolePiece[]): Promise<Uint8Array<ArrayBuffer>> {
  const records = pieces.flatMap((piece) => {
    const { bytes, ...header } = piece.kind === 'GAP' ? { ...piece, bytes: Buffer.alloc(0) } : piece
    const text = Buffer.from(JSON.stringify(header))
    const lengths = Buffer.alloc(8)
    lengths.writeUInt32BE(text.length, 0)
    lengths.writeUInt32BE(bytes.length, 4)
    return [lengths.subarray(0, 4), text, lengths.subarray(4), bytes]
  })
  return new Uint8Array(await compress(Buffer.concat(records), { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }))
}

/** The pieces of a segment in order. @throws when the data are damaged */
export async function decodeSegment(data: Uint8Array): Promise<ConsolePiece[]> {
  const records = await decompress(data, { maxOutputLength: LARGEST, chunkSize: CHUNK_BYTES })
  const pieces: ConsolePiece[] = []
  for (let at = 0; at < records.length;) {
    const headerLength = records.readUInt32BE(at)
    const header = JSON.parse(records.toString('utf8', at + 4, at + 4 + headerLength)) as ConsolePiece
    const bytesAt = at + 4 + headerLength
    const length = records.readUInt32BE(bytesAt)
    pieces.push(header.kind === 'GAP' ? header : { ...header, bytes: records.subarray(bytesAt + 4, bytesAt + 4 + length) })
    at = bytesAt + 4 + length
  }
  return pieces
}
