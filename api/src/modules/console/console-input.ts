import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { NodeOfflineError, NotFoundError, RateLimitedError, StateConflictError, ValidationError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import { createRateLimiter } from '../../lib/rate-limiter.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { addCommand } from '../commands/command-store.ts'
import { lockServer } from '../servers/server-lock.ts'
import { demand } from '../servers/server-policy.ts'
import { statusOf } from '../servers/server-status.ts'

/** What people type into games. */
export type ConsoleInput = {
  /** Types a line into a running game. Id of the command, after the node has answered or 5 s. */
  send(actor: UserActor, input: { serverId: string; command: string; isPrivate?: boolean | null | undefined }): Promise<string>
}

const LONGEST_COMMAND = 1024
/** Of one person to one server, and of all to one server. */
const COMMANDS_PER_10_SECONDS = 20
const ALL_COMMANDS_PER_10_SECONDS = 100
const COMMAND_DEADLINE_SECONDS = 15
const ANSWER_MS = 5000

export type ConsoleInputDeps = { db: Database; bus: EventBus; audit: AuditService; monotonicMs: () => number }

export function createConsoleInput({ db, bus, audit, monotonicMs }: ConsoleInputDeps): ConsoleInput {
  const limiter = createRateLimiter(COMMANDS_PER_10_SECONDS, 10, monotonicMs)
  const serverLimiter = createRateLimiter(ALL_COMMANDS_PER_10_SECONDS, 10, monotonicMs)
  const refuse = (message: string) => new ValidationError([{ path: ['command'], code: 'INVALID', message }])

  /** Resolves when a command has ended, or after a while. */
  function untilFinished(commandId: string): { done: Promise<void>; stop: () => void } {
    const finished = Promise.withResolvers<void>()
    const timer = setTimeout(finished.resolve, ANSWER_MS)
    const off = bus.on('commandFinished', (event) => {
      if (event.commandId === commandId) finished.resolve()
    })
    return {
      done: finished.promise,
      stop: () => {
        clearTimeout(timer)
        off()
      },
    }
  }

  return {
    async send(actor, { serverId, command, isPrivate }) {
      const text = command.endsWith('\n') ? command.slice(0, -1) : command
      if (text.length === 0 || text.length > LONGEST_COMMAND) throw refuse(`has 1 to ${String(LONGEST_COMMAND)} characters`)
      // A second line would be another command, and PostgreSQL takes no NUL and no half character, whatever stands at the other end.
      if (/[\n\r\0]/.test(text) || !text.isWellFormed()) throw refuse('is one line of text')
      const wait = limiter.take(`${actor.id}/${serverId}`)
      if (wait > 0) throw new RateLimitedError(wait)
      const id = newId()
      const answer = untilFinished(id)
      try {
        await db.transaction(async (tx) => {
          const server = await lockServer(tx, serverId)
          demand(actor, server, 'console:send')
          if (server === null) throw new NotFoundError('The server')
          if (!server.isConsoleTerminal && /\p{Cc}/u.test(text)) throw refuse('has no control characters')
          // Only those who may type use up what all have together.
          const waitForAll = serverLimiter.take(serverId)
          if (waitForAll > 0) throw new RateLimitedError(waitForAll)
          if (!server.node.isOnline) throw new NodeOfflineError()
          if (server.state !== 'RUNNING' && server.state !== 'STARTING' && server.state !== 'STOPPING')
            throw new StateConflictError(statusOf({ ...server, isStale: false }), 'The server is not running.')
          await addCommand(tx, bus, actor, {
            id,
            server,
            kind: 'CONSOLE_INPUT',
            deadlineSeconds: COMMAND_DEADLINE_SECONDS,
            payload: { consoleInput: text, isPrivate: isPrivate === true },
          })
          await audit.record(tx, actor, {
            action: 'console:send',
            subject: { kind: 'server', id: server.id, name: server.name },
            // Who typed it and when is nobody's secret; what it was is.
            change: isPrivate === true ? { isPrivate } : { command: text },
          })
        })
        await answer.done
      } finally {
        answer.stop()
      }
      return id
    },
  }
}
