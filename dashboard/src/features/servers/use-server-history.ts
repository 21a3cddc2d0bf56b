import { useQuery } from '@vue/apollo-composable'
import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { StateShape } from '../../components/state-look.ts'
import type { TimelineEntry } from '../../components/timeline-entry.ts'
import { useFormat } from '../../composables/use-format.ts'
import { useMore } from '../../composables/use-more.ts'
import { graphql } from '../../gql/index.ts'
import type { ServerHistoryKind, ServerHistoryQuery } from '../../gql/graphql.ts'

const ServerHistory = graphql(`
  query ServerHistory($serverId: ID!, $after: String) {
    serverHistory(serverId: $serverId, first: 50, after: $after) {
      totalCount
      nodes {
        id
        kind
        at
        actor
        code
        reason
        message
        attempt
        nextAt
        gap {
          from
          to
        }
        change {
          setting
          before
          after
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`)

type Entry = NonNullable<ServerHistoryQuery['serverHistory']>['nodes'][number]

/** Shape of each kind; ends have one by their reason. */
export const serverEventShapes: Readonly<Record<ServerHistoryKind, StateShape>> = {
  CREATED: 'done',
  START: 'starting',
  STARTED: 'starting',
  READY: 'running',
  RESTART: 'starting',
  STOP: 'stopping',
  KILL: 'stopping',
  EXITED: 'stopped',
  RESTART_PLANNED: 'waiting',
  GAVE_UP: 'failed',
  INSTALL: 'installing',
  ABORT_INSTALL: 'stopping',
  INSTALL_SUCCEEDED: 'done',
  INSTALL_FAILED: 'failed',
  INSTALL_ABORTED: 'stopped',
  INSTALL_CUT: 'failed',
  SETTINGS_CHANGED: 'done',
  COMMAND_EXPIRED: 'failed',
  METRICS_GAP: 'unknown',
  DELETE: 'deleting',
}

/** What happened to a server, newest first, in words. */
export function useServerHistory(serverId: string) {
  const { t, te } = useI18n()
  const format = useFormat()
  const { result, loading, error, refetch, fetchMore } = useQuery(ServerHistory, { serverId })
  const history = computed(() => result.value?.serverHistory ?? null)

  function shapeOf({ kind, reason }: Entry): StateShape {
    if (kind !== 'EXITED') return serverEventShapes[kind]
    return reason === 'CRASHED' || reason === 'OUT_OF_MEMORY' ? 'crashed' : reason === 'UNKNOWN' ? 'unknown' : 'stopped'
  }
  /** The reason of an end, or the kind of an order that expired. */
  function reasonOf({ kind, reason }: Entry): string {
    if (reason === null) return ''
    const key = kind === 'COMMAND_EXPIRED' ? `history.orders.${reason}` : `exit.${reason}`
    return te(key) ? t(key) : reason
  }
  function settingOf(name: string): string {
    const key = `settings.names.${name}`
    return te(key) ? t(key) : name
  }
  /** A restart that is planned: when; a gap: how long. */
  function timeOf({ nextAt, gap }: Entry): string {
    if (gap !== null) return format.value.duration(Date.parse(gap.to) - Date.parse(gap.from))
    return nextAt === null ? '' : format.value.clock(nextAt)
  }
  function detailsOf(entry: Entry): string[] {
    return [
      ...(entry.kind === 'EXITED' && entry.code !== null ? [t('exit.code', { code: entry.code })] : []),
      ...(entry.message === null ? [] : [entry.message]),
      ...(entry.gap === null ? [] : [t('history.gap', { from: format.value.clock(entry.gap.from), to: format.value.clock(entry.gap.to) })]),
      ...entry.change.map(({ setting, before, after }) => t('history.change', { setting: settingOf(setting), before, after })),
    ]
  }
  const entries = computed((): TimelineEntry[] =>
    (history.value?.nodes ?? []).map((entry) => ({
      id: entry.id,
      at: entry.at,
      shape: shapeOf(entry),
      text: t(`history.${entry.kind}`, {
        reason: reasonOf(entry),
        attempt: entry.attempt ?? '',
        time: timeOf(entry),
      }),
      details: detailsOf(entry),
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
