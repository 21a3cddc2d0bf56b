import type { CommandKind } from '@catalyst/prisma/client'
import { once } from '../../db/idempotency.ts'
import type { UserActor } from '../../lib/actor.ts'
import { NotFoundError } from '../../lib/errors.ts'
import type { Permission } from '../../lib/permissions.ts'
import { reachStep } from '../../lib/step.ts'
import { specOf } from '../templates/template-service.ts'
import { lockServer, type LockedServer } from './server-lock.ts'
import { demand } from './server-policy.ts'
import type { ServerServiceDeps } from './server-service.ts'
import type { ServerOccurrence, WishKind } from './server-state.ts'
import { stopRuleOf } from './stop-rule.ts'

export type PowerInput = { id: string; idempotencyKey?: string | null | undefined }
/** Ids of what a power order changed and made. */
export type PowerResult = { serverId: string; commandId: string }

type GiveOrder = (actor: UserActor, input: PowerInput) => Promise<PowerResult>

/** Each stores the wish, then tells the node. @throws NotFoundError, ForbiddenError, StateConflictError, IdempotencyConflictError */
export type ServerPower = Record<'start' | 'stop' | 'restart' | 'kill' | 'install' | 'abortInstallation', GiveOrder>

const START_SECONDS = 600
const STOP_GRACE_SECONDS = 90
const KILL_SECONDS = 120
/** Building an image and running a long script. */
export const INSTALL_SECONDS = 6 * 3600

const COMMANDS = {
  start: 'START',
  stop: 'STOP',
  restart: 'RESTART',
  kill: 'KILL',
  install: 'INSTALL',
  abortInstallation: 'ABORT_INSTALL',
} as const satisfies Record<keyof ServerPower, CommandKind>

/** How long the node has for it, once it is there. */
function deadlineSeconds(server: LockedServer, verb: keyof ServerPower): number {
  const stopSeconds = stopRuleOf(server, specOf(server.template)).timeoutSeconds + STOP_GRACE_SECONDS
  switch (verb) {
    case 'start':
      return START_SECONDS
    case 'stop':
      return stopSeconds
    case 'restart':
      return stopSeconds + START_SECONDS
    case 'kill':
    case 'abortInstallation':
      return KILL_SECONDS
    case 'install':
      return INSTALL_SECONDS
  }
}

export function createServerPower({ db, audit, changes }: Pick<ServerServiceDeps, 'db' | 'audit' | 'changes'>): ServerPower {
  /** One order: right, decision, wish, command, audit entry, all in one transaction. */
  const order =
    (verb: keyof ServerPower, permission: Permission): GiveOrder =>
    (actor, { id, idempotencyKey }) =>
      db.transaction((tx) =>
        once(tx, actor.id, `${verb}Server`, idempotencyKey, { id }, async () => {
          const server = await lockServer(tx, id)
          demand(actor, server, permission)
          if (server === null) throw new NotFoundError('The server')
          tx.afterCommit(() => {
            reachStep('wish:committed', server.id)
          })
          const isInstallSent = async () => {
            return (await tx.prisma.command.count({ where: { serverId: server.id, kind: 'INSTALL', status: 'SENT' } })) > 0
          }
          const occurrence: ServerOccurrence =
            verb === 'abortInstallation' ? { kind: verb, isSent: await isInstallSent() } : { kind: verb satisfies WishKind }
          const { command } = await changes.carryOut(tx, server, changes.decide(server, occurrence), {
            actor,
            event: { kind: COMMANDS[verb] },
            deadlineSeconds: deadlineSeconds(server, verb),
          })
          if (command === null) throw new Error(`${verb} made no command`)
          await audit.record(tx, actor, { action: permission, subject: { kind: 'server', id: server.id, name: server.name } })
          reachStep('wish:persisted', server.id)
          return { serverId: server.id, commandId: command.id }
        }),
      )

  return {
    start: order('start', 'server:start'),
    stop: order('stop', 'server:stop'),
    restart: order('restart', 'server:restart'),
    kill: order('kill', 'server:kill'),
    install: order('install', 'server:install'),
    abortInstallation: order('abortInstallation', 'server:install'),
  }
}
