import { builder } from '../../graphql/builder.ts'
import { connectionComplexity, connectionType, pageRequest } from '../../graphql/connection.ts'
import { actorOf } from '../../graphql/context.ts'
import { ConsoleCommandType, ConsoleConnection, ConsoleMatchConnection, ConsoleRunType } from './console-types.ts'

builder.queryField('console', (t) =>
  t.field({
    type: ConsoleConnection,
    nullable: true,
    description: 'Lines before or after a position, from a time on, or the last ones; null when the server is not visible.',
    authScopes: { permission: 'console:read' },
    complexity: { field: 20, multiplier: 5 },
    args: {
      serverId: t.arg.id({ required: true }),
      before: t.arg({ type: 'SafeInt' }),
      after: t.arg({ type: 'SafeInt' }),
      at: t.arg({ type: 'DateTime' }),
      lines: t.arg.int({ description: '1 to 5000, by default 500; a page has at most 1 MiB.' }),
    },
    resolve: (_root, { serverId, ...input }, context) => context.services.consoleArchive.page(actorOf(context), serverId, input),
  }),
)

builder.queryField('searchConsole', (t) =>
  t.field({
    type: ConsoleMatchConnection,
    nullable: true,
    description:
      'Lines that have a text, or match a regular expression without look-around and back references, newest first. Colours and other escape sequences do not count.',
    authScopes: { permission: 'console:read' },
    complexity: { field: 200, multiplier: 20 },
    args: {
      serverId: t.arg.id({ required: true }),
      text: t.arg.string(),
      regex: t.arg.string(),
      matchCase: t.arg.boolean({ description: 'Whether capitals differ from small letters; by default they do not.' }),
      before: t.arg({ type: 'SafeInt' }),
      first: t.arg.int({ description: '1 to 100, by default 50.' }),
    },
    resolve: (_root, { serverId, ...input }, context) => context.services.consoleArchive.search(actorOf(context), serverId, input),
  }),
)

builder.queryField('consoleRuns', (t) =>
  t.field({
    type: connectionType('ConsoleRun', ConsoleRunType),
    nullable: true,
    description: 'Runs of which something is kept, newest first.',
    authScopes: { permission: 'console:read' },
    complexity: connectionComplexity,
    args: { serverId: t.arg.id({ required: true }), first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, { serverId, ...args }, context) => context.services.consoleArchive.runs(actorOf(context), serverId, pageRequest(args)),
  }),
)

builder.queryField('consoleCommands', (t) =>
  t.field({
    type: connectionType('ConsoleCommand', ConsoleCommandType),
    nullable: true,
    description: 'What was typed by everybody, newest first; private lines only by oneself.',
    authScopes: { permission: 'console:read' },
    complexity: connectionComplexity,
    args: { serverId: t.arg.id({ required: true }), first: t.arg.int(), after: t.arg.string() },
    resolve: (_root, { serverId, ...args }, context) =>
      context.services.consoleArchive.commands(actorOf(context), serverId, pageRequest(args)),
  }),
)
