import { useQuery } from '@vue/apollo-composable'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { StateShape } from '../../components/state-look.ts'
import type { TimelineEntry } from '../../components/timeline-entry.ts'
import { useFormat } from '../../composables/use-format.ts'
import { useMore } from '../../composables/use-more.ts'
import { graphql } from '../../gql/index.ts'
import type { NodeEventKind, NodeHistoryQuery } from '../../gql/graphql.ts'

const NodeHistory = graphql(`
  query NodeHistory($nodeId: ID!, $after: String) {
    nodeHistory(nodeId: $nodeId, first: 50, after: $after) {
      totalCount
      nodes {
        id
        kind
        at
        actor
        reason
        clockOffsetSeconds
        gap {
          from
          to
        }
        changes {
          field
          from
          to
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

type Entry = NodeHistoryQuery['nodeHistory']['nodes'][number]

export const nodeEventShapes: Readonly<Record<NodeEventKind, StateShape>> = {
  ENROLLED: 'done',
  ONLINE: 'online',
  OFFLINE: 'offline',
  RENAMED: 'done',
  CHANGED: 'done',
  MAINTENANCE_ON: 'maintenance',
  MAINTENANCE_OFF: 'done',
  REKEYED: 'done',
  CLOCK_OFF: 'unknown',
  METRICS_GAP: 'unknown',
}

/** What happened to a node, newest first, in words. */
export function useNodeHistory(nodeId: string) {
  const { t, te } = useI18n()
  const format = useFormat()
  const { result, loading, error, refetch, fetchMore } = useQuery(NodeHistory, { nodeId })
  const history = computed(() => result.value?.nodeHistory ?? null)
  const fieldOf = (field: string) => (te(`nodeEvents.fields.${field}`) ? t(`nodeEvents.fields.${field}`) : field)
  /** How far the clock is off, or how long a gap is. */
  function timeOf({ clockOffsetSeconds, gap }: Entry): string {
    const ms = gap === null ? Math.abs(clockOffsetSeconds ?? 0) * 1000 : Date.parse(gap.to) - Date.parse(gap.from)
    return format.value.duration(ms)
  }
  const entries = computed((): TimelineEntry[] =>
    (history.value?.nodes ?? []).map((entry) => ({
      id: entry.id,
      at: entry.at,
      shape: nodeEventShapes[entry.kind],
      text: t(`nodeEvents.${entry.kind}`, { time: timeOf(entry) }),
      details: [
        ...(entry.reason !== null && te(`nodeEvents.reasons.${entry.reason}`) ? [t(`nodeEvents.reasons.${entry.reason}`)] : []),
        ...(entry.gap === null
          ? []
          : [t('history.gap', { from: format.value.clock(entry.gap.from), to: format.value.clock(entry.gap.to) })]),
        ...entry.changes.map(({ field, from, to }) =>
          t('history.change', { setting: fieldOf(field), before: from ?? '', after: to ?? '' }),
        ),
      ],
      actor: entry.actor,
    })),
  )
  return {
    entries,
    history,
    loading,
    error,
    retry: () => void refetch(),
    ...useMore(fetchMore, () => history.value?.pageInfo.endCursor),
  }
}
