import { builder } from '../../graphql/builder.ts'
import { ExitReasonEnum } from '../../graphql/enums.ts'
import { createLoader } from '../../graphql/loader.ts'
import { ServerType } from '../servers/server-types.ts'
import type { ConsoleChunk, ConsoleGap, ConsolePiece } from './console-chunk.ts'
import type { ConsoleMatches, ConsolePage } from './console-archive-service.ts'
import type { ConsoleRun, SentCommand } from './console-read-model.ts'
import type { ConsoleMatch } from './console-search.ts'
import type { ConsoleSettings } from './console-settings-service.ts'

const ConsoleChunkKindEnum = builder.enumType('ConsoleChunkKind', { values: ['OUTPUT', 'INPUT', 'NOTICE'] as const })
const ConsoleGapReasonEnum = builder.enumType('ConsoleGapReason', { values: ['FLOOD', 'RETENTION', 'SLOW_VIEWER', 'DAMAGED'] as const })

export const ConsoleEvent = builder.interfaceRef<ConsolePiece>('ConsoleEvent').implement({
  description: 'A piece of a console: bytes `from` to `to`, counted over all runs. The next one’s `from` is this one’s `to`.',
  fields: (t) => ({ from: t.expose('from', { type: 'SafeInt' }), to: t.expose('to', { type: 'SafeInt' }) }),
  resolveType: (piece) => (piece.kind === 'GAP' ? 'ConsoleGap' : 'ConsoleChunk'),
})

builder.objectRef<ConsoleChunk>('ConsoleChunk').implement({
  interfaces: [ConsoleEvent],
  fields: (t) => ({
    kind: t.expose('kind', { type: ConsoleChunkKindEnum }),
    runId: t.exposeID('runId'),
    text: t.string({
      description: 'Whole or partial lines. Bytes that are not UTF-8 are U+FFFD.',
      resolve: (chunk) => chunk.bytes.toString('utf8'),
    }),
    at: t.field({ type: 'DateTime', resolve: (chunk) => new Date(chunk.at) }),
    actor: t.exposeString('actor', { nullable: true, description: 'Who typed it; of INPUT only.' }),
  }),
})

builder.objectRef<ConsoleGap>('ConsoleGap').implement({
  description: 'What is missing, and why. SLOW_VIEWER can be read again from history.',
  interfaces: [ConsoleEvent],
  fields: (t) => ({ reason: t.expose('reason', { type: ConsoleGapReasonEnum }) }),
})

type Cursors = { startCursor: number | null; endCursor: number | null; hasPreviousPage: boolean; hasNextPage: boolean }

const ConsolePageInfo = builder.objectRef<Cursors>('ConsolePageInfo').implement({
  description: 'Cursors are positions of the console.',
  fields: (t) => ({
    startCursor: t.expose('startCursor', { type: 'SafeInt', nullable: true }),
    endCursor: t.expose('endCursor', { type: 'SafeInt', nullable: true }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
    hasNextPage: t.exposeBoolean('hasNextPage'),
  }),
})

const ConsoleEdge = builder.objectRef<ConsolePiece>('ConsoleEdge').implement({
  fields: (t) => ({
    cursor: t.field({ type: 'SafeInt', resolve: (piece) => piece.from }),
    node: t.field({ type: ConsoleEvent, resolve: (piece) => piece }),
  }),
})

export const ConsoleConnection = builder.objectRef<ConsolePage>('ConsoleConnection').implement({
  description: 'Some of a console, in order. `before: startCursor` gives what comes before it, `after: endCursor` what follows.',
  fields: (t) => ({
    edges: t.field({ type: [ConsoleEdge], resolve: (page) => page.pieces }),
    nodes: t.field({ type: [ConsoleEvent], resolve: (page) => page.pieces }),
    pageInfo: t.field({
      type: ConsolePageInfo,
      resolve: ({ pieces, ...page }) => ({ ...page, startCursor: pieces[0]?.from ?? null, endCursor: pieces.at(-1)?.to ?? null }),
    }),
  }),
})

const ConsoleMatchType = builder.objectRef<ConsoleMatch>('ConsoleMatch').implement({
  description: 'A line that was found.',
  fields: (t) => ({
    position: t.expose('position', { type: 'SafeInt', description: 'Where the line begins.' }),
    at: t.expose('at', { type: 'DateTime' }),
    text: t.exposeString('text', { description: 'The line; of a very long one, at most 1024 bytes around what was found.' }),
  }),
})

const ConsoleMatchEdge = builder.objectRef<ConsoleMatch>('ConsoleMatchEdge').implement({
  fields: (t) => ({
    cursor: t.expose('position', { type: 'SafeInt' }),
    node: t.field({ type: ConsoleMatchType, resolve: (match) => match }),
  }),
})

export const ConsoleMatchConnection = builder.objectRef<ConsoleMatches>('ConsoleMatchConnection').implement({
  description:
    'Newest first. A search is bounded in time: with `hasNextPage` it goes on at `before: endCursor`, also when nothing was found.',
  fields: (t) => ({
    edges: t.field({ type: [ConsoleMatchEdge], resolve: (found) => found.matches }),
    nodes: t.field({ type: [ConsoleMatchType], resolve: (found) => found.matches }),
    pageInfo: t.field({ type: ConsolePageInfo, resolve: (found) => ({ ...found, hasPreviousPage: false }) }),
  }),
})

const ConsoleRunExit = builder.objectRef<NonNullable<ConsoleRun['exit']>>('ConsoleRunExit').implement({
  fields: (t) => ({
    code: t.exposeInt('code', { nullable: true, description: 'null when the runtime lost it.' }),
    reason: t.expose('reason', { type: ExitReasonEnum }),
  }),
})

export const ConsoleRunType = builder.objectRef<ConsoleRun>('ConsoleRun').implement({
  description: 'One run of a game, from its start to its end, as far as its console is kept.',
  fields: (t) => ({
    id: t.exposeID('id'),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    from: t.expose('from', { type: 'SafeInt' }),
    endedAt: t.expose('endedAt', { type: 'DateTime', nullable: true }),
    to: t.expose('to', { type: 'SafeInt' }),
    exit: t.expose('exit', { type: ConsoleRunExit, nullable: true, description: 'null while it goes on.' }),
  }),
})

export const ConsoleCommandType = builder.objectRef<SentCommand>('ConsoleCommand').implement({
  description: 'A line that somebody typed.',
  fields: (t) => ({
    id: t.exposeID('id'),
    text: t.exposeString('text'),
    actor: t.exposeString('actor'),
    at: t.expose('at', { type: 'DateTime' }),
    isPrivate: t.exposeBoolean('isPrivate', { description: 'Only who typed it finds it here.' }),
  }),
})

const ConsoleSettingsType = builder.objectRef<ConsoleSettings>('ConsoleSettings').implement({
  fields: (t) => ({
    retentionMiB: t.exposeInt('retentionMiB', { description: 'Text that is kept; the oldest goes first.' }),
    retentionDays: t.exposeInt('retentionDays'),
    isTerminal: t.exposeBoolean('isTerminal', { description: 'Control characters may be typed.' }),
    floodLinesPerSecond: t.exposeInt('floodLinesPerSecond', {
      description: 'A game that prints more for 10 s loses what is in the middle, as a gap; it is never held up.',
    }),
    floodBytesPerSecond: t.exposeInt('floodBytesPerSecond'),
  }),
})

const settings = createLoader((context, ids) => context.services.consoleSettings.byIds(ids))

builder.objectField(ServerType, 'consoleSettings', (t) =>
  t.field({ type: ConsoleSettingsType, resolve: (server, _args, context) => settings(context, server.id) }),
)
