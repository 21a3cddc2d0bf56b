import { randomUUID } from 'node:crypto'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { ConsoleJournal } from '../console/console-journal.ts'
import { createConsoleJournal } from './journal-store.ts'
import { createOutbox, OUTBOX_SCHEMA, type Outbox } from './outbox-store.ts'
import { newRecord, readRecord } from './record-format.ts'
import type { Assignment, CommandRecord, CommandResult, ServerEvent, ServerRecord } from './records.ts'

const SCHEMA = `
  create table if not exists meta (key text primary key, value text not null) strict;
  create table if not exists server (id text primary key, uid integer not null unique, record text not null) strict;
  create table if not exists disk_usage (server_id text primary key, bytes integer not null) strict;
  create table if not exists command (
    id text primary key, server_id text not null, position integer not null, record text not null, result text, is_accepted integer not null default 0
  ) strict;
  create table if not exists console_run (
    server_id text not null, number integer not null, run_id text not null, base integer not null, size integer,
    primary key (server_id, number)
  ) strict;
  create table if not exists console_gap (
    server_id text not null, run integer not null, file_offset integer not null, size integer not null,
    primary key (server_id, run, file_offset)
  ) strict;
  create table if not exists console_insert (
    server_id text not null, run integer not null, ordinal integer not null, file_offset integer not null,
    kind text not null, actor text, at text not null, text text not null,
    primary key (server_id, run, ordinal)
  ) strict;
${OUTBOX_SCHEMA}`

/** Grows when an older agent could not read the store any more. */
const VERSION = 2

/** Commands are remembered as long as the api may send them again. */
const KEPT_COMMANDS = 10_000

/** What the agent knows for good. Every write is on disk when it returns. */
export type Store = {
  /** New when the store was lost: report sequences begin anew with it. */
  readonly id: string
  readonly journal: ConsoleJournal
  readonly outbox: Outbox
  nodeId(): string | null
  setNodeId(id: string): void
  /** Of the boot in which an agent last ran; null when none wrote it. */
  bootId(): string | null
  /** Begins a new boot: what was known of the last one's clock does not count any more. */
  setBootId(id: string): void
  /** Milliseconds by which the wall clock was corrected in this boot. */
  clockOffset(): number
  setClockOffset(milliseconds: number): void
  /** The api's last word on how often servers are measured; null before the first session. */
  sampleSeconds(): number | null
  setSampleSeconds(seconds: number): void
  /** The last measured bytes of disk of a server; null before the first. */
  diskBytes(serverId: string): number | null
  setDiskBytes(serverId: string, bytes: number): void
  servers(): ServerRecord[]
  server(id: string): ServerRecord | null
  /** Stores the record, what happened with it and the results that it brings, all or nothing. */
  saveServer(record: ServerRecord, events?: readonly ServerEvent[], results?: readonly CommandResult[]): void
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
  /** The api asks for a result that it has had. */
  repeatResult(commandId: string): void
  close(): void
}

export type StoreOptions = { file: string; uids: { first: number; last: number } }

/** @throws when the file is no store of ours, or one of a newer agent */
export function openStore({ file, uids }: StoreOptions): Store {
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000;')
  const version = Number(database.prepare('pragma user_version').get()?.['user_version'])
  if (version > VERSION) {
    database.close()
    throw new Error(`${file} was written by a newer agent (store version ${String(version)}); start that one, or a newer one.`)
  }
  database.exec(`${SCHEMA} pragma user_version = ${String(VERSION)};`)
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

  /** All of it is on disk, or nothing. */
  function atOnce(work: () => void): void {
    database.exec('begin immediate')
    try {
      work()
      database.exec('commit')
    } catch (error) {
      database.exec('rollback')
      throw error
    }
  }
  const finishCommand = (result: CommandResult) => {
    // The first result counts.
    run('update command set result = ? where id = ? and result is null', JSON.stringify(result), result.commandId)
  }
  const saveRecord = database.prepare('update server set record = ? where id = ?')
  const outbox = createOutbox(database)

  function freeUid(): number {
    const used = new Set(all('select uid from server').map((row) => row['uid']))
    for (let uid = uids.first; uid <= uids.last; uid += 1) if (!used.has(uid)) return uid
    throw new Error('This node has no user id left for another server.')
  }

  return {
    id,
    journal: createConsoleJournal(database),
    outbox,
    nodeId: () => meta('nodeId') ?? null,
    setNodeId(nodeId) {
      setMeta('nodeId', nodeId)
    },
    bootId: () => meta('bootId') ?? null,
    setBootId(bootId) {
      atOnce(() => {
        setMeta('bootId', bootId)
        setMeta('clockOffset', '0')
      })
    },
    clockOffset: () => Number(meta('clockOffset') ?? 0),
    setClockOffset(milliseconds) {
      setMeta('clockOffset', String(milliseconds))
    },
    sampleSeconds() {
      const seconds = meta('sampleSeconds')
      return seconds === undefined ? null : Number(seconds)
    },
    setSampleSeconds(seconds) {
      setMeta('sampleSeconds', String(seconds))
    },
    diskBytes: (serverId) => (get('select bytes from disk_usage where server_id = ?', serverId)?.['bytes'] ?? null) as number | null,
    setDiskBytes(serverId, bytes) {
      // It may have been removed while it was measured.
      run(
        `insert into disk_usage select id, ? from server where id = ?
        on conflict (server_id) do update set bytes = excluded.bytes where bytes <> excluded.bytes`,
        bytes,
        serverId,
      )
    },
    servers: () => all('select record from server order by id').map((row) => readRecord(row['record'])),
    server(serverId) {
      const row = get('select record from server where id = ?', serverId)
      return row === undefined ? null : readRecord(row['record'])
    },
    saveServer(record, events = [], results = []) {
      const json = JSON.stringify(record)
      if (events.length + results.length === 0 && !record.isRemoved) {
        saveRecord.run(json, record.id)
        return
      }
      atOnce(() => {
        saveRecord.run(json, record.id)
        for (const event of events) outbox.addEvent(event)
        for (const result of results) finishCommand(result)
        // Nobody will look for what happened to it any more, and the api takes nothing of a server that it has forgotten.
        if (record.isRemoved) outbox.forgetServer(record.id)
      })
    },
    addServer(assignment) {
      const record = newRecord(assignment, freeUid())
      run('insert into server values (?, ?, ?)', record.id, record.uid, JSON.stringify(record))
      return record
    },
    removeServer(serverId) {
      atOnce(() => {
        for (const table of ['console_insert', 'console_gap', 'console_run', 'command', 'disk_usage'])
          run(`delete from ${table} where server_id = ?`, serverId)
        outbox.forgetServer(serverId)
        run('delete from server where id = ?', serverId)
      })
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
    finishCommand,
    unacceptedResults: () =>
      all('select result from command where result is not null and is_accepted = 0 order by position').map(
        (row) => JSON.parse(row['result'] as string) as CommandResult,
      ),
    acceptResults(commandIds) {
      for (const commandId of commandIds) run('update command set is_accepted = 1 where id = ?', commandId)
    },
    repeatResult(commandId) {
      run('update command set is_accepted = 0 where id = ? and result is not null', commandId)
    },
    close() {
      database.close()
    },
  }
}
