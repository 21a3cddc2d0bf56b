import { setTimeout as delay } from 'node:timers/promises'
import { createConsoleStream } from '../console/console-stream.ts'
import type { Installation } from '../installations/installation.ts'
import type { CommandResult, ServerEvent, ServerRecord } from '../state/records.ts'
import type { Store } from '../state/store.ts'
import type { RunnerDeps, ServerFolders } from './ports.ts'
import { createServerConsole, type ServerConsole } from './server-console.ts'
import type { RunnerEvent } from './server-state.ts'

/** What a runner tells the session. Each may be called at any time; the newest state is what counts. */
export type RunnerListener = {
  reported(record: ServerRecord): void
  consoleChanged(serverId: string): void
  installationChanged(installation: Installation): void
  finished(): void
  /** Events wait in the store. */
  happened(): void
}

/** An event of the server itself; the rest of it is known. */
export type OwnEvent = Omit<ServerEvent, 'serverId' | 'at'> & { at?: string }

/** What else is stored together with a change. */
export type Together = { events?: readonly OwnEvent[]; results?: readonly CommandResult[] }

/** What the parts of a runner share: the record of the server, and the ways to change and to tell it. */
export type RunnerCore = {
  readonly id: string
  readonly deps: RunnerDeps
  readonly folders: ServerFolders
  readonly console: ServerConsole
  record(): ServerRecord
  /** Stores a change; all of it is on disk when this returns. */
  save(change: Partial<ServerRecord>, together?: Together): void
  /** Stores a change and tells the newest state. */
  report(change?: Partial<ServerRecord>, together?: Together): void
  /** Stores results of commands and tells them. */
  finish(results: readonly CommandResult[]): void
  /** Takes an event through the table of states, and does what follows. */
  dispatch(event: RunnerEvent): void
  /** Commands whose result follows from what the server does next. */
  readonly waiting: { restart: string[]; kill: string[] }
  tellInstallation(installation: Installation): void
  /** The agent stops, or the server is gone: nothing is done or stored any more. */
  isClosed(): boolean
  close(): void
  /** containerd may be away for a moment: what must be done is tried until it is. Null when closed before. */
  retry<T>(work: () => Promise<T>): Promise<T | null>
}

const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 5000

export const done = (commandId: string): CommandResult => ({ commandId, status: 'DONE', errorCode: null, error: null })
export const superseded = (commandId: string): CommandResult => ({ commandId, status: 'SUPERSEDED', errorCode: null, error: null })
export const failed = (commandId: string, errorCode: string, error: string): CommandResult => ({
  commandId,
  status: 'FAILED',
  errorCode,
  error,
})

export function createRunnerCore(
  deps: RunnerDeps,
  store: Store,
  listener: RunnerListener,
  first: ServerRecord,
  dispatch: (event: RunnerEvent) => void,
): RunnerCore {
  const { id } = first
  const folders = deps.foldersOf(id)
  let record = first
  const closing = new AbortController()
  const isClosed = () => closing.signal.aborted

  const serverConsole = createServerConsole(
    createConsoleStream({
      serverId: id,
      folder: folders.logs,
      journal: store.journal,
      start: record.acknowledged,
      now: deps.now,
      correctTime: deps.correctTime,
      monotonicMs: deps.monotonicMs,
    }),
    () => {
      listener.consoleChanged(id)
    },
  )

  function save(change: Partial<ServerRecord>, { events = [], results = [] }: Together = {}): void {
    // What goes on for a moment after the end of the agent must not write into the store of the next one.
    if (isClosed()) return
    record = { ...record, ...change }
    const at = deps.now().toISOString()
    store.saveServer(
      record,
      events.map((event) => ({ at, ...event, serverId: id })),
      results,
    )
    if (events.length > 0) listener.happened()
    if (results.length > 0) listener.finished()
  }

  return {
    id,
    deps,
    folders,
    console: serverConsole,
    record: () => record,
    save,
    report(change = {}, together = {}) {
      if (isClosed()) return
      save({ ...change, sequence: record.sequence + 1 }, together)
      listener.reported(record)
    },
    finish(results) {
      if (isClosed() || results.length === 0) return
      for (const result of results) store.finishCommand(result)
      listener.finished()
    },
    dispatch,
    waiting: { restart: [], kill: [] },
    tellInstallation(installation) {
      if (!isClosed()) listener.installationChanged(installation)
    },
    isClosed,
    close() {
      closing.abort()
    },
    async retry(work) {
      for (let wait = FIRST_RETRY_MS; !isClosed(); wait = Math.min(wait * 2, LONGEST_RETRY_MS)) {
        try {
          return await work()
        } catch {
          await delay(wait, undefined, { signal: closing.signal }).catch(() => undefined)
        }
      }
      return null
    },
  }
}
