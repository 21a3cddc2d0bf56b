import type { Database } from '../../db/database.ts'

const COMMANDS_AT_ONCE = 5000

/** Drops what was typed into games when it is older than what is kept of their consoles: the console has the same text. */
export async function forgetConsoleInput(db: Database, now: Date): Promise<void> {
  let dropped: number
  do {
    dropped = await db.prisma.$executeRaw`
      delete from "Command" where id = any(array(
        select old.id from "Server" server cross join lateral (
          select id from "Command"
          where "serverId" = server.id and kind = 'CONSOLE_INPUT'
            and "finishedAt" < ${now}::timestamptz - make_interval(days => server."consoleRetentionDays")
          limit ${COMMANDS_AT_ONCE}
        ) old
        limit ${COMMANDS_AT_ONCE}
      ))`
  } while (dropped === COMMANDS_AT_ONCE)
}
