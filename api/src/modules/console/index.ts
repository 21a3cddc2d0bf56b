import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { NodeOfflineError, NotFoundError, RateLimitedError, StateConflictError, ValidationError } from '../../lib/errors.ts'
import type { CommandView } from '../commands/command-view.ts'
import { CommandType } from '../commands/command-types.ts'
import type { ConsoleChunk, ConsoleGap, ConsolePiece } from './console-chunk.ts'

const ConsoleChunkKindEnum = builder.enumType('ConsoleChunkKind', { values: ['OUTPUT', 'INPUT', 'NOTICE'] as const })
const ConsoleGapReasonEnum = builder.enumType('ConsoleGapReason', { values: ['FLOOD', 'RETENTION', 'SLOW_VIEWER', 'DAMAGED'] as const })

const ConsoleEvent = builder.interfaceRef<ConsolePiece>('ConsoleEvent').implement({
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

builder.subscriptionField('consoleEvents', (t) =>
  t.field({
    type: ConsoleEvent,
    description: 'A console: its last lines, or all behind a position (0 is the oldest kept), then live.',
    authScopes: { permission: 'console:read' },
    args: { serverId: t.arg.id({ required: true }), after: t.arg({ type: 'SafeInt' }), tailLines: t.arg.int({ defaultValue: 200 }) },
    extensions: { isLive: true },
    subscribe: (_root, { serverId, after, tailLines }, context) =>
      context.services.console.live(actorOf(context), serverId, after == null ? { tailLines: tailLines ?? 200 } : { after }),
    resolve: (piece) => piece,
  }),
)

const SendConsoleCommandInput = builder.inputType('SendConsoleCommandInput', {
  fields: (t) => ({ serverId: t.id({ required: true }), command: t.string({ required: true }) }),
})
const SendConsoleCommandSuccess = builder
  .objectRef<{ command: CommandView }>('SendConsoleCommandSuccess')
  .implement({ fields: (t) => ({ command: t.expose('command', { type: CommandType }) }) })

builder.mutationField('sendConsoleCommand', (t) =>
  t.field({
    type: SendConsoleCommandSuccess,
    description: 'Types a line into a running game; answers when the node has written it.',
    authScopes: { permission: 'console:send' },
    errors: { types: [ValidationError, NotFoundError, StateConflictError, NodeOfflineError, RateLimitedError] },
    args: { input: t.arg({ type: SendConsoleCommandInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      command: await context.services.servers.command(await context.services.console.send(actorOf(context), input)),
    }),
  }),
)
