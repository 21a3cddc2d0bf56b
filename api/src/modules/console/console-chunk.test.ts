import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { dropBefore, joinPieces, type ConsoleChunk, type ConsolePiece } from './console-chunk.ts'
import { decodeSegment, encodeSegment } from './segment-codec.ts'

const chunk = (from: number, text: string, change: Partial<ConsoleChunk> = {}): ConsoleChunk => ({
  from,
  to: from + Buffer.byteLength(text),
  kind: 'OUTPUT',
  runId: 'r',
  at: 1,
  actor: null,
  bytes: Buffer.from(text),
  ...change,
})

describe('pieces of a console', () => {
  it('are joined only inside one run and kind, up to a size', () => {
    const pieces: ConsolePiece[] = [
      chunk(0, 'ab'),
      chunk(2, 'cd'),
      chunk(4, 'typed\n', { kind: 'INPUT' }),
      chunk(10, 'e'),
      chunk(11, 'f', { runId: 'r2' }),
      { kind: 'GAP', from: 12, to: 20, reason: 'FLOOD' },
      chunk(20, 'long text'),
    ]
    expect([...joinPieces(pieces, 5)].map((piece) => `${String(piece.from)}-${String(piece.to)} ${piece.kind}`)).toEqual([
      '0-4 OUTPUT',
      '4-10 INPUT',
      '10-11 OUTPUT',
      '11-12 OUTPUT',
      '12-20 GAP',
      '20-29 OUTPUT',
    ])
  })

  it('are joined only inside one second: people read the time of each line', () => {
    const pieces = [chunk(0, 'a\n', { at: 1000 }), chunk(2, 'b\n', { at: 1999 }), chunk(4, 'c\n', { at: 2000 })]
    expect([...joinPieces(pieces, 100)].map((piece) => [piece.from, piece.kind === 'GAP' ? 0 : piece.at])).toEqual([
      [0, 1000],
      [4, 2000],
    ])
  })

  it('lose what comes before a position', () => {
    expect(dropBefore(chunk(10, 'hello'), 12)).toMatchObject({ from: 12, to: 15, bytes: Buffer.from('llo') })
    expect(dropBefore({ kind: 'GAP', from: 0, to: 9, reason: 'DAMAGED' }, 4)).toMatchObject({ from: 4, to: 9 })
  })

  it('come out of a segment as they went in, byte by byte', async () => {
    const pieces: ConsolePiece[] = [
      chunk(0, 'grün\n'),
      { ...chunk(6, ''), to: 8, bytes: Buffer.from([0xff, 0x00]) },
      { kind: 'GAP', from: 8, to: 99, reason: 'DAMAGED' },
      chunk(99, 'status\n', { kind: 'INPUT', actor: 'mira' }),
    ]
    expect(await decodeSegment(await encodeSegment(pieces))).toEqual(pieces)
  })

  it('come out of segments of the first version too', async () => {
    const [header, bytes] = [Buffer.from(JSON.stringify({ ...chunk(3, 'abc'), bytes: undefined })), Buffer.from('abc')]
    const lengths = [header.length, bytes.length].map((length) => {
      const buffer = Buffer.alloc(4)
      buffer.writeUInt32BE(length)
      return buffer
    })
    const record = Buffer.concat([lengths[0]!, header, lengths[1]!, bytes])
    expect(await decodeSegment(zstdCompressSync(record))).toEqual([chunk(3, 'abc')])
  })

  it('are not taken for whole when the data are damaged', async () => {
    const data = await encodeSegment([chunk(0, 'some text that is long enough\n')])
    data[data.length - 3] = (data[data.length - 3] ?? 0) ^ 0xff
    await expect(decodeSegment(data)).rejects.toThrow()
  })
})
