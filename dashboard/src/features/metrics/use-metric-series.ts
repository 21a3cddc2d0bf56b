import type { ApolloError } from '@apollo/client/core'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { useApolloClient } from '@vue/apollo-composable'
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { useConnection } from '../../composables/use-connection.ts'
import { useMinute } from '../../composables/use-now.ts'
import { graphql, readFragment } from '../../gql/index.ts'
import { keepStream } from '../../plugins/kept-stream.ts'
import { useSocket } from '../../plugins/socket.ts'
import { createTail, type Bucket, type Sample, type Tail } from './buckets.ts'
import { MetricSeriesAll } from './metrics-fragments.ts'
import { edgesOf, isLive, type Edges, type TimeRange } from './time-range.ts'

const ServerSeries = graphql(`
  query ServerSeries($id: ID!, $from: DateTime!, $to: DateTime!) {
    series: serverMetrics(serverId: $id, from: $from, to: $to, points: 500) {
      ...MetricSeries_All
    }
  }
`)

const NodeSeries = graphql(`
  query NodeSeries($id: ID!, $from: DateTime!, $to: DateTime!) {
    series: nodeMetrics(nodeId: $id, from: $from, to: $to, points: 500) {
      ...MetricSeries_All
    }
  }
`)

const LiveServerSeries = graphql(`
  subscription LiveServerSeries($id: ID!) {
    sample: serverMetrics(serverId: $id) {
      at
      cpuPercent
      memoryBytes
      memoryLimitBytes
      diskBytes
      diskReadBytesPerSecond
      diskWriteBytesPerSecond
      networkRxBytesPerSecond
      networkTxBytesPerSecond
      processCount
    }
  }
`)

const LiveNodeSeries = graphql(`
  subscription LiveNodeSeries($id: ID!) {
    sample: nodeMetrics(nodeId: $id) {
      at
      cpuPercent
      loadAverage
      memoryBytes
      memoryLimitBytes
      diskBytes
      diskLimitBytes
      diskReadBytesPerSecond
      diskWriteBytesPerSecond
      networkRxBytesPerSecond
      networkTxBytesPerSecond
      containerCount
    }
  }
`)

type Live = TypedDocumentNode<{ sample: Sample }, { id: string }>
export type Subject = 'server' | 'node'

const queries = { server: ServerSeries, node: NodeSeries }
const streams: Record<Subject, Live> = { server: LiveServerSeries, node: LiveNodeSeries }

/** What is measured comes every second while somebody looks: after this long it does not come any more. */
const LATE_MS = 10_000

/** Of a range that has been read. */
export type ShownSeries = { range: TimeRange; stepMs: number; readAt: number; buckets: readonly Bucket[]; newestAt: number | null }

/** The measurements of a range, and what is measured since while it ends now. */
export function useMetricSeries(subject: Subject, id: string, range: () => TimeRange) {
  const { client } = useApolloClient()
  const socket = useSocket()
  const connection = useConnection()
  const minute = useMinute()
  const shown = shallowRef<ShownSeries | null>(null)
  const error = shallowRef<ApolloError | null>(null)
  const asked = shallowRef({ range: range(), at: Date.now() })
  const isLoading = ref(false)
  const isGone = ref(false)
  let tail: Tail | null = null
  let turns = 0
  let close: () => void = () => undefined

  const publish = (of: TimeRange, stepMs: number, readAt: number) => {
    if (tail !== null) shown.value = { range: of, stepMs, readAt, buckets: tail.buckets, newestAt: tail.newestAt }
  }

  function follow() {
    close()
    const now = shown.value
    if (now === null || !isLive(now.range, now.readAt)) return
    const { range: of, stepMs, readAt } = now
    close = keepStream(
      socket,
      streams[subject],
      { id },
      {
        next: ({ sample }) => {
          if (tail === null || !isLive(of, Date.parse(sample.at))) return
          tail.add(sample)
          tail.dropBefore(edgesOf(of, Date.parse(sample.at)).from)
          publish(of, stepMs, readAt)
        },
        // Says why, and takes what may not be seen any more off the screen.
        refused: () => void read(),
      },
    )
  }

  async function read() {
    const turn = ++turns
    const of = range()
    const readAt = Date.now()
    asked.value = { range: of, at: readAt }
    const { from, to } = edgesOf(of, readAt)
    isLoading.value = true
    try {
      const { data } = await client.query({
        query: queries[subject],
        variables: { id, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
        // Another time is asked for on every visit.
        fetchPolicy: 'no-cache',
      })
      if (turn !== turns) return
      error.value = null
      isGone.value = data.series === null
      const series = data.series === null ? null : readFragment(MetricSeriesAll, data.series)
      tail = series === null ? null : createTail(series, readAt)
      shown.value = null
      publish(of, (series?.stepSeconds ?? 0) * 1000, readAt)
      follow()
    } catch (reason) {
      if (turn === turns) error.value = reason as ApolloError
    } finally {
      if (turn === turns) isLoading.value = false
    }
  }

  watch(() => JSON.stringify(range()), read, { immediate: true })
  const offReturn = connection.onReturn(() => void read())
  onScopeDispose(() => {
    turns += 1
    close()
    offReturn()
  })

  /** The time that is known to have passed: it moves with each measurement, and without any twice a minute. */
  const now = computed(() => Math.max(minute.value, shown.value?.newestAt ?? 0, shown.value?.readAt ?? 0))
  return {
    shown,
    /** What is being read or shown, and when it was asked for (ms). */
    asked,
    error,
    isLoading,
    /** The subject is not there or not visible. */
    isGone,
    retry: () => void read(),
    now,
    edges: computed((): Edges => edgesOf(shown.value?.range ?? range(), now.value)),
    isFollowing: computed(() => shown.value !== null && isLive(shown.value.range, now.value)),
    /** Measurements arrive; null while the first may still be on its way. */
    isLiveNow: computed(() => {
      const { newestAt = null, readAt = now.value } = shown.value ?? {}
      const isFresh = now.value - (newestAt ?? readAt) < LATE_MS
      return newestAt === null && isFresh ? null : isFresh && connection.state.isLive
    }),
  }
}
