import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, connectionType, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { MetricGapType } from '../../graphql/metric-gap.ts'
import { metricGap } from '../../lib/metric-gap.ts'
import { HISTORY_KINDS, type SettingChange } from './server-events.ts'
import type { HistoryEntry } from './server-history-read-model.ts'

const HistoryKindEnum = builder.enumType('ServerHistoryKind', {
  description:
    'START to DELETE and SETTINGS_CHANGED: what somebody wanted. COMMAND_EXPIRED: a wish that ended unfulfilled. INSTALL_CUT: the agent ended in the middle of an install. METRICS_GAP: no measurements for over two minutes.',
  values: HISTORY_KINDS,
})

const HistoryFilterInput = builder.inputType('ServerHistoryFilter', {
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'Only what happened at this time or later.' }),
    to: t.field({ type: 'DateTime', description: 'Only what happened before this time.' }),
    kinds: t.field({ type: [HistoryKindEnum], description: 'Only these.' }),
  }),
})

const SettingChangeType = builder.objectRef<SettingChange>('SettingChange').implement({
  fields: (t) => ({
    setting: t.exposeString('setting', { description: 'Name of the setting or of a variable.' }),
    before: t.exposeString('before'),
    after: t.exposeString('after'),
  }),
})

const ServerHistoryEntry = builder.objectRef<HistoryEntry>('ServerHistoryEntry').implement({
  description: 'Something that happened to a server.',
  fields: (t) => ({
    id: t.exposeID('id'),
    kind: t.expose('kind', { type: HistoryKindEnum }),
    at: t.expose('at', { type: 'DateTime' }),
    actor: t.exposeString('actor', { nullable: true, description: 'Who wanted it; null when it happened by itself.' }),
    code: t.int({ nullable: true, description: 'Exit code.', resolve: ({ data }) => data.code ?? null }),
    reason: t.string({
      nullable: true,
      description: 'Of an end: an ExitReason. Of an expired command: its kind.',
      resolve: ({ data }) => data.reason ?? null,
    }),
    message: t.string({ nullable: true, resolve: ({ data }) => data.message ?? null }),
    attempt: t.int({
      nullable: true,
      description: 'Number of the restart inside its window.',
      resolve: ({ data }) => data.attempt ?? null,
    }),
    nextAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the restart comes.',
      resolve: ({ data }) => (data.nextAt == null ? null : new Date(data.nextAt)),
    }),
    gap: t.field({
      type: MetricGapType,
      nullable: true,
      description: 'Of METRICS_GAP.',
      resolve: ({ data }) => metricGap(data.from, data.to),
    }),
    change: t.field({
      type: [SettingChangeType],
      description: 'Of SETTINGS_CHANGED; else empty.',
      resolve: ({ data }) => data.changes ?? [],
    }),
  }),
})

builder.queryField('serverHistory', (t) =>
  t.field({
    type: connectionType('ServerHistory', ServerHistoryEntry),
    nullable: true,
    description: 'What happened to a server, newest first; null when it is not visible.',
    authScopes: { permission: 'server:read' },
    complexity: connectionComplexity,
    args: {
      serverId: t.arg.id({ required: true }),
      filter: t.arg({ type: HistoryFilterInput }),
      first: t.arg.int(),
      after: t.arg.string(),
    },
    resolve: (_root, { serverId, filter, ...page }, context) =>
      context.services.servers.history(actorOf(context), serverId, pageRequest(page), filter ?? {}),
  }),
)
