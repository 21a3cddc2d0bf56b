import { countLines } from '../modules/console/console-chunk.ts'
import type { ConsoleStore } from '../modules/console/console-store.ts'
import type { Telemetry } from './telemetry.ts'

/** The store, counting what it keeps. */
export function countStored(store: ConsoleStore, telemetry: Telemetry): ConsoleStore {
  return {
    ...store,
    async append(serverId, pieces) {
      await store.append(serverId, pieces)
      for (const piece of pieces) {
        if (piece.kind === 'GAP') telemetry.countGap(piece.reason, piece.to - piece.from)
        else telemetry.countConsole(countLines(piece.bytes), piece.to - piece.from)
      }
    },
  }
}
