import { MOST_AHEAD_MS } from '../lib/clock.ts'
import type { ConsolePiece } from '../modules/console/console-chunk.ts'
import { plainName } from './plain-text.ts'

/** Of a console part as it arrives; null when it contradicts itself, or ends where no position is exact any more. */
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
  now: number,
): ConsolePiece | null {
  const bytes = part.text != null ? Buffer.from(part.text) : Buffer.from(part.base64 ?? '', 'base64')
  const to = from + (part.kind === 'GAP' ? (part.gapBytes ?? 0) : bytes.length)
  if (to <= from || !Number.isSafeInteger(to)) return null
  if (part.kind === 'GAP') return { kind: 'GAP', from, to, reason: part.gapReason ?? 'DAMAGED' }
  return {
    kind: part.kind,
    from,
    to,
    runId: plainName(part.runId, 64),
    // What is kept is as old as its latest time: one that never comes would keep it for ever.
    at: Math.min(part.at.getTime(), now + MOST_AHEAD_MS),
    actor: part.actor == null ? null : plainName(part.actor, 64),
    bytes,
  }
}

/** What a part takes besides its bytes: many small ones are no way around a limit. */
const PART_BYTES = 512

/** Bytes of memory that parts take, about. */
export const costOf = (pieces: readonly ConsolePiece[]): number =>
  pieces.reduce((total, piece) => total + PART_BYTES + (piece.kind === 'GAP' ? 0 : piece.bytes.length), 0)
