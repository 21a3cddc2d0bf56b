import type { Prisma } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { ServerReports } from '../servers/server-reports.ts'
import { finishCommands } from './command-store.ts'
import { OPEN_STATUSES } from './command-view.ts'

/** Ends commands whose deadline has passed; one timer, set to the next deadline. */
export type CommandExpiry = { start(): void; stop(): Promise<void> }

const LONGEST_SLEEP_MS = 60_000
const SHORTEST_SLEEP_MS = 1000
const SLEEP_AFTER_ERROR_MS = 5000
/** These wait for a node that is away, without end: their time counts from its coming back. */
const WAITING = { kind: { in: ['START', 'STOP'] }, node: { isOnline: false } } satisfies Prisma.CommandWhereInput

export type CommandExpiryDeps = { db: Database; bus: EventBus; reports: ServerReports; now: () => Date; onError: (error: unknown) => void }

export function createCommandExpiry({ db, bus, reports, now, onError }: CommandExpiryDeps): CommandExpiry {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> = Promise.resolve()
  let isStopped = false

  async function expire(): Promise<number> {
    await db.transaction(async (tx) => {
      const expired = await finishCommands(
        tx,
        bus,
        { deadline: { lte: now() }, NOT: WAITING },
        { status: 'EXPIRED', errorCode: 'EXPIRED', error: 'The node did not answer in time.' },
      )
      for (const command of expired.toSorted((a, b) => a.serverId.localeCompare(b.serverId))) await reports.expire(tx, command)
    })
    const next = await db.prisma.command.findFirst({
      where: { status: { in: [...OPEN_STATUSES] }, NOT: WAITING },
      orderBy: { deadline: 'asc' },
      select: { deadline: true },
    })
    return next === null
      ? LONGEST_SLEEP_MS
      : Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, next.deadline.getTime() - now().getTime()))
  }

  function run(): void {
    running = expire()
      .catch((error: unknown) => {
        onError(error)
        return SLEEP_AFTER_ERROR_MS
      })
      .then((sleep) => {
        // A command made meanwhile with a nearer deadline is ended at the next look: at most a minute late.
        if (!isStopped) timer = setTimeout(run, sleep)
      })
  }

  return {
    start: run,
    async stop() {
      isStopped = true
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}
