import type { ConsolePiece } from '../modules/console/console-chunk.ts'
import { plainText, plainTextOrNull } from './plain-text.ts'

/** Of a console part as it arrives; null when it contradicts itself. */
export function toPiece(
  from: number,
  part: {
    kind: 'OUTPUT' | 'INPUT' | 'NOTICE' | 'GAP'
    runId: string
    at: Date
    text?: string | null | undefined
    base64?: string | null | undefined
    gapBytes?: number | null | undefined
    gapReason?: 'FLOOD' | 'RETENTION' | 'SLOW_VIEWER' | 'DAMAGED' | null | undefined
    actor?: string | null | undefined
  },
): ConsolePiece | null {
  if (part.kind === 'GAP')
    return part.gapBytes != null && part.gapBytes > 0
      ? { kind: 'GAP', from, to: from + part.gapBytes, reason: part.gapReason ?? 'DAMAGED' }
      : null
  const bytes = part.text != null ? Buffer.from(part.text) : Buffer.from(part.base64 ?? '', 'base64')
  if (bytes.length === 0) return null
  return {
    kind: part.kind,
    from,
    to: from + bytes.length,
    runId: plainText(part.runId, 64),
    at: part.at.getTime(),
    actor: plainTextOrNull(part.actor, 64),
    bytes,
  }
}

/** What a part takes besides its bytes: many small ones are no way around a limit. */
const PART_BYTES = 512

/** Bytes of memory that parts take, about. */
export const costOf = (pieces: readonly ConsolePiece[]): number =>
  pieces.reduce((total, piece) => total + PART_BYTES + (piece.kind === 'GAP' ? 0 : piece.bytes.length), 0)
