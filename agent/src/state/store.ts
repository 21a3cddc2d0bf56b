import { randomUUID } from 'node:crypto'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { ConsoleJournal } from '../console/console-journal.ts'
import { createConsoleJournal } from './journal-store.ts'
import type { Assignment, CommandRecord, CommandResult, ServerRecord } from './records.ts'

const SCHEMA = `
  create table if not exists meta (key text primary key, value text not null) strict;
  create table if not exists server (id text primary key, uid integer not null unique, record text not null) strict;
  create table if not exists command (
    id text primary key, server_id text not null, position integer not null, record text not null, result text, is_accepted integer not null default 0
  ) strict;
  create table if not exists console_run (
    server_id text not null, number integer not null, run_id text not null, base integer not null, size integer,
    primary key (server_id, number)
  ) strict;
  create table if not exists console_insert (
    server_id text not null, run integer not null, ordinal integer not null, file_offset integer not null,
    kind text not null, actor text, at text not null, text text not null,
    primary key (server_id, run, ordinal)
  ) strict;
`

/** Commands are remembered as long as the api may send them again. */
const KEPT_COMMANDS = 10_000

/** What the agent knows for good. Every write is on disk when it returns. */
export type Store = {
  /** New when the store was lost: report sequences begin anew with it. */
  readonly id: string
  readonly journal: ConsoleJournal
  nodeId(): string | null
  setNodeId(id: string): void
  servers(): ServerRecord[]
  server(id: string): ServerRecord | null
  saveServer(record: ServerRecord): void
  /** Makes the record of a new server with a user id that no other server of this node has. */
  addServer(assignment: Assignment): ServerRecord
  /** Forgets a server with its console and commands. */
  removeServer(id: string): void
  /** False when the id is known already: then it has been applied, or is being. */
  addCommand(command: CommandRecord): boolean
  /** Commands without a result, in order of arrival. */
  openCommands(): CommandRecord[]
  result(commandId: string): CommandResult | null
  finishCommand(result: CommandResult): void
  /** Results that the api has not answered yet. */
  unacceptedResults(): CommandResult[]
  acceptResults(commandIds: readonly string[]): void
  close(): void
}

export type StoreOptions = { file: string; uids: { first: number; last: number } }

/** @throws when the file is no store of ours */
export function openStore({ file, uids }: StoreOptions): Store {
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000;')
  database.exec(SCHEMA)
  const get = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).get(...values)
  const all = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).all(...values)
  const run = (sql: string, ...values: SQLInputValue[]) => database.prepare(sql).run(...values)
  const meta = (key: string) => get('select value from meta where key = ?', key)?.['value'] as string | undefined
  const setMeta = (key: string, value: string) =>
    run('insert into meta values (?, ?) on conflict (key) do update set value = excluded.value', key, value)

  let id = meta('id')
  if (id === undefined) {
    id = randomUUID()
    setMeta('id', id)
  }
  let lastPosition = Number(get('select coalesce(max(position), 0) as last from command')?.['last'])
  /** JSON of a column; null when there is no row or no value. */
  const read = (row: Record<string, unknown> | undefined, column: string): unknown =>
    row === undefined || row[column] === null ? null : JSON.parse(row[column] as string)

  // Records of an older agent lack what came later.
  const toRecord = (json: unknown): ServerRecord => {
    const record = JSON.parse(String(json)) as Omit<ServerRecord, 'pendingExit'> & Partial<ServerRecord>
    return { ...record, pendingExit: record.pendingExit ?? null }
  }

  function freeUid(): number {
    const used = new Set(all('select uid from server').map((row) => row['uid']))
    for (let uid = uids.first; uid <= uids.last; uid += 1) if (!used.has(uid)) return uid
    throw new Error('This node has no user id left for another server.')
  }

  return {
    id,
    journal: createConsoleJournal(database),
    nodeId: () => meta('nodeId') ?? null,
    setNodeId(nodeId) {
      setMeta('nodeId', nodeId)
    },
    servers: () => all('select record from server order by id').map((row) => toRecord(row['record'])),
    server(serverId) {
      const row = get('select record from server where id = ?', serverId)
      return row === undefined ? null : toRecord(row['record'])
    },
    saveServer(record) {
      run('update server set record = ? where id = ?', JSON.stringify(record), record.id)
    },
    addServer(assignment) {
      const record: ServerRecord = {
        id: assignment.serverId,
        uid: freeUid(),
        assignment,
        state: 'STOPPED',
        startsAgain: false,
        sequence: 0,
        settledGeneration: 0,
        isInstalled: assignment.isInstalled,
        isRemoved: false,
        problem: null,
        lastExit: null,
        runId: null,
        runningSince: null,
        pendingExit: null,
        acknowledged: assignment.consolePosition,
      }
      run('insert into server values (?, ?, ?)', record.id, record.uid, JSON.stringify(record))
      return record
    },
    removeServer(serverId) {
      for (const table of ['console_insert', 'console_run', 'command']) run(`delete from ${table} where server_id = ?`, serverId)
      run('delete from server where id = ?', serverId)
    },
    addCommand(command) {
      lastPosition += 1
      const added = run(
        'insert into command (id, server_id, position, record) values (?, ?, ?, ?) on conflict do nothing',
        command.id,
        command.serverId,
        lastPosition,
        JSON.stringify(command),
      )
      run('delete from command where is_accepted = 1 and position < ?', lastPosition - KEPT_COMMANDS)
      return added.changes === 1
    },
    openCommands: () =>
      all('select record from command where result is null order by position').map(
        (row) => JSON.parse(row['record'] as string) as CommandRecord,
      ),
    result: (commandId) => read(get('select result from command where id = ?', commandId), 'result') as CommandResult | null,
    finishCommand(result) {
      // The first result counts.
      run('update command set result = ? where id = ? and result is null', JSON.stringify(result), result.commandId)
    },
    unacceptedResults: () =>
      all('select result from command where result is not null and is_accepted = 0 order by position').map(
        (row) => JSON.parse(row['result'] as string) as CommandResult,
      ),
    acceptResults(commandIds) {
      for (const commandId of commandIds) run('update command set is_accepted = 1 where id = ?', commandId)
    },
    close() {
      database.close()
    },
  }
}
