import { onScopeDispose, readonly, ref, shallowRef } from 'vue'
import { graphql } from '../../gql/index.ts'
import type { LiveServerMetricsSubscription } from '../../gql/graphql.ts'
import { openStream, useSocket } from '../../plugins/socket.ts'

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
const AGAIN_MS = 2000

/** Live numbers of a server, the newest last; null marks a gap. */
export function useServerMetrics(serverId: string) {
  const socket = useSocket()
  const samples = shallowRef<readonly (Metrics | null)[]>([])
  const isRefused = ref(false)
  let timer: ReturnType<typeof setTimeout> | null = null
  let close: () => void = () => undefined

  const open = () => {
    close()
    close = openStream(
      socket,
      LiveServerMetrics,
      { serverId },
      {
        next: ({ serverMetrics }) => {
          const last = samples.value.findLast((sample) => sample !== null)
          if (last?.at === serverMetrics.at) return
          const hasGap = last !== undefined && Date.parse(serverMetrics.at) - Date.parse(last.at) > GAP_MS
          samples.value = [...samples.value, ...(hasGap ? [null] : []), serverMetrics].slice(-SPARK_LENGTH)
        },
        failed: (codes) => {
          if (codes.includes('FORBIDDEN') || codes.includes('NOT_FOUND')) isRefused.value = true
          else timer = setTimeout(open, AGAIN_MS)
        },
        ended: () => {
          timer = setTimeout(open, AGAIN_MS)
        },
      },
    )
  }
  open()
  onScopeDispose(() => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    close()
  })
  return { samples: samples as Readonly<typeof samples>, isRefused: readonly(isRefused) }
}
