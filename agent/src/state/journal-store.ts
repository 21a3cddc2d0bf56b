import type { DatabaseSync } from 'node:sqlite'
import type { ConsoleJournal, JournalGap, JournalInsert, JournalRun } from '../console/console-journal.ts'

export function createConsoleJournal(database: DatabaseSync): ConsoleJournal {
  const runs = database.prepare('select number, run_id as runId, base, size from console_run where server_id = ? order by number')
  const inserts = database.prepare(
    'select file_offset as fileOffset, kind, actor, at, text from console_insert where server_id = ? and run = ? order by ordinal',
  )
  const addRun = database.prepare('insert into console_run (server_id, number, run_id, base, size) values (?, ?, ?, ?, ?)')
  const closeRun = database.prepare('update console_run set size = ? where server_id = ? and number = ?')
  const addInsert = database.prepare(`
    insert into console_insert (server_id, run, ordinal, file_offset, kind, actor, at, text)
    values (?1, ?2, (select coalesce(max(ordinal), 0) + 1 from console_insert where server_id = ?1 and run = ?2), ?3, ?4, ?5, ?6, ?7)`)
  const forgetInserts = database.prepare('delete from console_insert where server_id = ? and run < ?')
  const forgetRuns = database.prepare('delete from console_run where server_id = ? and number < ?')
  const gaps = database.prepare(
    'select file_offset as fileOffset, size from console_gap where server_id = ? and run = ? order by file_offset',
  )
  const dropGaps = database.prepare('delete from console_gap where server_id = ? and run = ?')
  const addGap = database.prepare('insert into console_gap (server_id, run, file_offset, size) values (?, ?, ?, ?)')
  const forgetGaps = database.prepare('delete from console_gap where server_id = ? and run < ?')
  return {
    runs: (serverId) => runs.all(serverId) as unknown as JournalRun[],
    inserts: (serverId, run) => inserts.all(serverId, run) as unknown as JournalInsert[],
    gaps: (serverId, run) => gaps.all(serverId, run) as unknown as JournalGap[],
    setGaps(serverId, run, list) {
      database.exec('begin immediate')
      try {
        dropGaps.run(serverId, run)
        for (const gap of list) addGap.run(serverId, run, gap.fileOffset, gap.size)
        database.exec('commit')
      } catch (error) {
        database.exec('rollback')
        throw error
      }
    },
    addRun(serverId, run) {
      addRun.run(serverId, run.number, run.runId, run.base, run.size)
    },
    closeRun(serverId, run, size) {
      closeRun.run(size, serverId, run)
    },
    addInsert(serverId, run, insert) {
      addInsert.run(serverId, run, insert.fileOffset, insert.kind, insert.actor, insert.at, insert.text)
    },
    forgetRuns(serverId, before) {
      forgetInserts.run(serverId, before)
      forgetGaps.run(serverId, before)
      forgetRuns.run(serverId, before)
    },
  }
}
