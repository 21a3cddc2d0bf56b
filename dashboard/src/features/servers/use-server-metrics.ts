import { onScopeDispose, shallowRef } from 'vue'
import { graphql } from '../../gql/index.ts'
import type { LiveServerMetricsSubscription } from '../../gql/graphql.ts'
import { keepStream } from '../../plugins/kept-stream.ts'
import { useSocket } from '../../plugins/socket.ts'

const LiveServerMetrics = graphql(`
  subscription LiveServerMetrics($serverId: ID!) {
    serverMetrics(serverId: $serverId) {
      at
      cpuPercent
      memoryBytes
      memoryLimitBytes
      diskBytes
      networkRxBytesPerSecond
      networkTxBytesPerSecond
      processCount
    }
  }
`)

export type Metrics = LiveServerMetricsSubscription['serverMetrics']

/** Samples that a sparkline shows: two minutes at one a second. */
export const SPARK_LENGTH = 120
/** Longer than this between two samples is a gap, never bridged. */
const GAP_MS = 5000

/** Live numbers of a server, the newest last; null marks a gap. */
export function useServerMetrics(serverId: string) {
  const samples = shallowRef<readonly (Metrics | null)[]>([])
  const close = keepStream(
    useSocket(),
    LiveServerMetrics,
    { serverId },
    {
      next: ({ serverMetrics }) => {
        const last = samples.value.findLast((sample) => sample !== null)
        if (last?.at === serverMetrics.at) return
        const hasGap = last !== undefined && Date.parse(serverMetrics.at) - Date.parse(last.at) > GAP_MS
        samples.value = [...samples.value, ...(hasGap ? [null] : []), serverMetrics].slice(-SPARK_LENGTH)
      },
      // The page's own query says why.
      refused: () => undefined,
    },
  )
  onScopeDispose(close)
  return { samples: samples as Readonly<typeof samples> }
}
