import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { ValidationError } from '../../lib/errors.ts'
import { isId } from '../../lib/ids.ts'
import { LiveStream } from '../../lib/live-stream.ts'
import type { Permission } from '../../lib/permissions.ts'
import { demand } from '../servers/server-policy.ts'
import type { ConsolePiece } from './console-chunk.ts'
import { createConsoleFeed, type ConsoleFeed } from './console-feed.ts'
import { createConsoleHistory, type ConsoleHistory } from './console-history.ts'
import type { ConsoleInput } from './console-input.ts'
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
   * position beyond the end waits until the console has got there.
   */
  live(actor: UserActor, serverId: string, start: { after: number } | { tailLines: number }): Promise<LiveStream<ConsolePiece>>
  /** What there is of a console, for reading back. */
  archive(serverId: string): Promise<Console>
  /** @throws NotFoundError when the server is not visible, ForbiddenError when the right is missing */
  access(actor: UserActor, serverId: string, permission: Permission): Promise<void>
  /** Types a line into a running game. Id of the command, after the node has answered or 5 s. */
  send: ConsoleInput['send']
  /** Forgets a server that is gone. */
  forget(serverId: string): void
  /** Makes all that was received durable. */
  close(): Promise<void>
}

const MOST_TAIL_LINES = 10_000
const MOST_TAIL_BYTES = 4 * 2 ** 20
/** One who could not keep up goes on with these. */
const SKIPPED_TO_LINES = 1000
const SKIPPED_TO_BYTES = 256 * 1024

/** One console in this process. */
export type Console = { feed: ConsoleFeed; history: ConsoleHistory }

export type ConsoleServiceDeps = {
  db: Database
  bus: EventBus
  input: ConsoleInput
  store: ConsoleStore
  monotonicMs: () => number
  onError: (error: unknown) => void
}

export function createConsoleService({ db, bus, input, store, monotonicMs, onError }: ConsoleServiceDeps): ConsoleService {
  const consoles = new Map<string, Promise<Console>>()

  function open(serverId: string): Promise<Console> {
    const known = consoles.get(serverId)
    if (known !== undefined) return known
    const opened = store.end(serverId).then((start): Console => {
      const feed = createConsoleFeed({ serverId, start, store, monotonicMs, onError })
      return { feed, history: createConsoleHistory(serverId, feed, store) }
    })
    consoles.set(serverId, opened)
    opened.catch(() => consoles.delete(serverId))
    return opened
  }

  async function access(actor: UserActor, serverId: string, permission: Permission): Promise<void> {
    const server = isId(serverId)
      ? await db.prisma.server.findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } })
      : null
    demand(actor, server, permission)
  }

  // Who may see a server ceases to with it; its last output still comes to the disk.
  bus.on('server', ({ serverId, kind }) => {
    if (kind === 'DELETED')
      consoles.get(serverId)?.then(
        ({ feed }) => {
          feed.end()
        },
        () => undefined,
      )
  })

  return {
    durableEnd: async (serverId) => (await open(serverId)).feed.durable(),

    ingest: async (serverId, from, pieces) => (await open(serverId)).feed.ingest(from, pieces),

    archive: open,

    access,

    async live(actor, serverId, start) {
      await access(actor, serverId, 'console:read')
      if ('after' in start && start.after < 0) throw new ValidationError([{ path: ['after'], code: 'INVALID', message: 'is not below 0' }])
      if ('tailLines' in start && (start.tailLines < 0 || start.tailLines > MOST_TAIL_LINES))
        throw new ValidationError([{ path: ['tailLines'], code: 'INVALID', message: `is between 0 and ${String(MOST_TAIL_LINES)}` }])
      const { feed, history } = await open(serverId)
      return new LiveStream<ConsolePiece>({
        topic: `console ${serverId}`,
        start: 'after' in start ? start.after : await history.startOfLines(feed.told(), start.tailLines, MOST_TAIL_BYTES),
        follow: feed.follow,
        end: feed.told,
        read: (position) => history.read(position, feed.told()),
        async skip(position) {
          const to = await history.startOfLines(feed.told(), SKIPPED_TO_LINES, SKIPPED_TO_BYTES)
          return to > position ? { kind: 'GAP', from: position, to, reason: 'SLOW_VIEWER' } : null
        },
      })
    },

    send: input.send,

    forget(serverId) {
      consoles.delete(serverId)
    },

    async close() {
      for (const opened of consoles.values()) await (await opened).feed.close()
    },
  }
}
