import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { NodeOfflineError, NotFoundError, RateLimitedError, StateConflictError, ValidationError } from '../../lib/errors.ts'
import { createRateLimiter } from '../../lib/rate-limiter.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { addCommand } from '../commands/command-store.ts'
import { demand } from '../servers/server-policy.ts'
import { statusOf } from '../servers/server-status.ts'
import { lockServer } from '../servers/server-lock.ts'
import { countLines, dropBefore, joinPieces, type ConsolePiece } from './console-chunk.ts'
import type { ConsoleStore } from './console-store.ts'

export type ConsoleService = {
  /** One past the last durable byte of a server's console. */
  durableEnd(serverId: string): Promise<number>
  /**
   * Takes pieces of an agent: what is known already is trimmed, what leaves a hole is refused. Tells viewers at once and
   * resolves when they are durable. `expected` is where the agent goes on.
   */
  ingest(serverId: string, from: number, pieces: readonly ConsolePiece[]): Promise<{ acknowledged: number; expected: number }>
  /**
   * A server's console without end: from `after` (0 is the oldest kept), or the last `tailLines` lines, then live. A
   * position beyond the end waits until the console has got there. Ends when `signal` aborts.
   */
  read(
    actor: UserActor,
    serverId: string,
    start: { after: number } | { tailLines: number },
    signal: AbortSignal,
  ): Promise<AsyncGenerator<ConsolePiece, void, undefined>>
  /** Types a line into a running game. Id of the command, after the node has answered or 5 s. */
  send(actor: UserActor, input: { serverId: string; command: string }): Promise<string>
  /** Forgets a server that is gone. */
  forget(serverId: string): void
  /** Makes all that was received durable. */
  close(): Promise<void>
}

const SEGMENT_BYTES = 256 * 1024
const SEGMENT_MS = 1000
const JOINED_BYTES = 64 * 1024
/** What may wait for one viewer. */
const VIEWER_BYTES = 8 * 2 ** 20
const LONGEST_COMMAND = 1024
const COMMANDS_PER_10_SECONDS = 20
const COMMAND_DEADLINE_SECONDS = 15
const ANSWER_MS = 5000
const MOST_TAIL_LINES = 10_000

type Live = {
  /** One past the last byte received, and one past the last durable one. */
  head: number
  durable: number
  /** Received and not durable, in order. */
  pending: ConsolePiece[]
  pendingBytes: number
  timer: NodeJS.Timeout | null
  writing: Promise<void> | null
  listeners: Set<(piece: ConsolePiece) => void>
  /** Called when `durable` grew. */
  waiters: Set<() => void>
}

export type ConsoleServiceDeps = {
  db: Database
  bus: EventBus
  audit: AuditService
  store: ConsoleStore
  monotonicMs: () => number
  onError: (error: unknown) => void
}

export function createConsoleService({ db, bus, audit, store, monotonicMs, onError }: ConsoleServiceDeps): ConsoleService {
  const consoles = new Map<string, Promise<Live>>()
  const limiter = createRateLimiter(COMMANDS_PER_10_SECONDS, 10, monotonicMs)
  let isClosing = false

  function open(serverId: string): Promise<Live> {
    const known = consoles.get(serverId)
    if (known !== undefined) return known
    const opened = store.end(serverId).then((end): Live => ({
      head: end,
      durable: end,
      pending: [],
      pendingBytes: 0,
      timer: null,
      writing: null,
      listeners: new Set(),
      waiters: new Set(),
    }))
    consoles.set(serverId, opened)
    opened.catch(() => consoles.delete(serverId))
    return opened
  }

  /** Writes what is pending; the database may be away for a while, and the agent's window bounds what waits. */
  function flush(serverId: string, live: Live): void {
    if (live.timer !== null) clearTimeout(live.timer)
    live.timer = null
    if (live.writing !== null || live.pending.length === 0) return
    const pieces = live.pending.slice()
    const write = async () => {
      for (let wait = 100; ; wait = Math.min(wait * 2, 5000)) {
        try {
          await store.append(serverId, pieces)
          break
        } catch (error) {
          onError(error)
          if (isClosing) return
          await delay(wait)
        }
      }
      live.pending.splice(0, pieces.length)
      live.pendingBytes = live.pending.reduce((total, piece) => total + piece.to - piece.from, 0)
      live.durable = pieces.at(-1)?.to ?? live.durable
      for (const wake of live.waiters) wake()
    }
    live.writing = write().finally(() => {
      live.writing = null
      if (live.pendingBytes >= SEGMENT_BYTES) flush(serverId, live)
      else schedule(serverId, live)
    })
  }

  function schedule(serverId: string, live: Live): void {
    if (live.timer !== null || live.pending.length === 0 || isClosing) return
    live.timer = setTimeout(() => {
      flush(serverId, live)
    }, SEGMENT_MS)
  }

  function untilDurable(live: Live, position: number): Promise<void> {
    if (live.durable >= position) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        if (live.durable < position && !isClosing) return
        live.waiters.delete(wake)
        resolve()
      }
      live.waiters.add(wake)
    })
  }

  /** Position where the last `lines` lines begin; an unfinished last line counts as one. */
  async function tailStart(serverId: string, live: Live, lines: number): Promise<number> {
    let left = lines
    let position = live.head
    const walk = (pieces: readonly ConsolePiece[]): number | null => {
      for (const piece of pieces.toReversed()) {
        if (piece.to > position || piece.kind === 'GAP') {
          if (piece.kind === 'GAP') position = piece.from
          continue
        }
        const found = countLines(piece.bytes)
        if (found <= left) {
          left -= found
          position = piece.from
          continue
        }
        let at = piece.bytes.length
        for (let skip = 0; skip <= left; skip += 1) at = piece.bytes.lastIndexOf(10, at - 1)
        return piece.from + at + 1
      }
      return null
    }
    const recent = walk(live.pending.slice())
    if (recent !== null) return recent
    for (;;) {
      const pieces = await store.previous(serverId, position)
      if (pieces === null) return position
      const before = position
      const start = walk(pieces.filter((piece) => piece.to <= before))
      if (start !== null) return start
      if (position === before) return position
    }
  }

  async function* follow(serverId: string, live: Live, start: number, signal: AbortSignal): AsyncGenerator<ConsolePiece, void, undefined> {
    let position = start
    const isOver = () => signal.aborted
    // History first. What becomes durable meanwhile is read as history too, until memory joins without a hole.
    for (;;) {
      if (isOver()) return
      const oldest = live.pending[0]?.from ?? live.head
      if (position >= oldest || position >= live.durable) break
      const pieces = await store.next(serverId, position)
      const [first] = pieces ?? []
      if (pieces === null || first === undefined) break
      if (first.from > position) {
        yield { from: position, to: first.from, kind: 'GAP', reason: 'RETENTION' }
        position = first.from
      }
      for (const piece of joinPieces(
        pieces.filter((candidate) => candidate.to > position).map((candidate) => dropBefore(candidate, position)),
        JOINED_BYTES,
      )) {
        yield piece
        position = piece.to
      }
    }

    const queue: ConsolePiece[] = []
    let queued = 0
    let wake: (() => void) | null = null
    const take = (piece: ConsolePiece) => {
      queue.push(piece)
      queued += piece.to - piece.from
      if (queued > VIEWER_BYTES) {
        // Reads too slowly: what waits is left out, said so, and can be read again from history.
        const [first] = queue
        if (first !== undefined) queue.splice(0, queue.length, { from: first.from, to: piece.to, kind: 'GAP', reason: 'SLOW_VIEWER' })
        queued = 0
      }
      wake?.()
    }
    // From here to the loop nothing waits: no piece can come between memory and listening.
    for (const piece of live.pending) take(piece)
    live.listeners.add(take)
    const abort = () => wake?.()
    signal.addEventListener('abort', abort)
    try {
      while (!isOver()) {
        const waiting = queue.splice(0)
        queued = 0
        for (const piece of joinPieces(
          waiting.filter((candidate) => candidate.to > position).map((candidate) => dropBefore(candidate, position)),
          JOINED_BYTES,
        )) {
          yield piece
          position = piece.to
        }
        if (queue.length > 0) continue
        await new Promise<void>((resolve) => {
          wake = resolve
          if (isOver()) resolve()
        })
        wake = null
      }
    } finally {
      live.listeners.delete(take)
      signal.removeEventListener('abort', abort)
    }
  }

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
    durableEnd: async (serverId) => (await open(serverId)).durable,

    async ingest(serverId, from, pieces) {
      const live = await open(serverId)
      if (from > live.head) return { acknowledged: live.durable, expected: live.head }
      const fresh = pieces.filter((piece) => piece.to > live.head).map((piece) => dropBefore(piece, live.head))
      const last = fresh.at(-1)
      if (last === undefined) return { acknowledged: live.durable, expected: live.head }
      live.pending.push(...fresh)
      live.pendingBytes += last.to - live.head
      live.head = last.to
      for (const piece of fresh) for (const listener of live.listeners) listener(piece)
      if (live.pendingBytes >= SEGMENT_BYTES) flush(serverId, live)
      else schedule(serverId, live)
      await untilDurable(live, last.to)
      return { acknowledged: live.durable, expected: live.head }
    },

    async read(actor, serverId, start, signal) {
      const server = await db.prisma.server
        .findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } })
        .catch(() => null)
      demand(actor, server, 'console:read')
      if ('after' in start && start.after < 0) throw new ValidationError([{ path: ['after'], code: 'INVALID', message: 'is not below 0' }])
      if ('tailLines' in start && (start.tailLines < 0 || start.tailLines > MOST_TAIL_LINES))
        throw new ValidationError([{ path: ['tailLines'], code: 'INVALID', message: `is between 0 and ${String(MOST_TAIL_LINES)}` }])
      const live = await open(serverId)
      const position = 'after' in start ? start.after : await tailStart(serverId, live, start.tailLines)
      return follow(serverId, live, position, signal)
    },

    async send(actor, { serverId, command }) {
      const text = command.endsWith('\n') ? command.slice(0, -1) : command
      if (text.length === 0 || text.length > LONGEST_COMMAND)
        throw new ValidationError([{ path: ['command'], code: 'INVALID', message: `has 1 to ${String(LONGEST_COMMAND)} characters` }])
      if (/\p{Cc}/u.test(text)) throw new ValidationError([{ path: ['command'], code: 'INVALID', message: 'has no control characters' }])
      const wait = limiter.take(`${actor.id}/${serverId}`)
      if (wait > 0) throw new RateLimitedError(wait)
      const sent = await db.transaction(async (tx) => {
        const server = await lockServer(tx, serverId)
        demand(actor, server, 'console:send')
        if (server === null) throw new NotFoundError('The server')
        if (!server.node.isOnline) throw new NodeOfflineError()
        if (server.state !== 'RUNNING' && server.state !== 'STARTING' && server.state !== 'STOPPING')
          throw new StateConflictError(statusOf({ ...server, isStale: false }), 'The server is not running.')
        const order = await addCommand(tx, bus, actor, {
          server,
          kind: 'CONSOLE_INPUT',
          deadlineSeconds: COMMAND_DEADLINE_SECONDS,
          payload: { consoleInput: text },
        })
        await audit.record(tx, actor, {
          action: 'console:send',
          subject: { kind: 'server', id: server.id, name: server.name },
          change: { command: text },
        })
        const answer = untilFinished(order.id)
        return { id: order.id, answer }
      })
      await sent.answer.done
      sent.answer.stop()
      return sent.id
    },

    forget(serverId) {
      consoles.delete(serverId)
    },

    async close() {
      isClosing = true
      for (const [serverId, opened] of consoles) {
        const live = await opened
        await live.writing
        flush(serverId, live)
        await live.writing
        for (const wake of live.waiters) wake()
      }
    },
  }
}
