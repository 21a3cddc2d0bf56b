/** Text that the agent put into a console: what was typed, and notices of its own. */
export type JournalInsert = {
  /** Bytes of the run's file that come before it. */
  fileOffset: number
  kind: 'INPUT' | 'NOTICE'
  actor: string | null
  /** ISO 8601. */
  at: string
  text: string
}

/** One run of a server in its console. `size` is the length of its file once that is complete. */
export type JournalRun = { number: number; runId: string; base: number; size: number | null }

/**
 * What positions are rebuilt from, together with the run files: a byte of a run's file at offset `o` has the position
 * `base + o + bytes of the run's inserts at offsets up to o`.
 */
export type ConsoleJournal = {
  runs(serverId: string): JournalRun[]
  inserts(serverId: string, run: number): JournalInsert[]
  addRun(serverId: string, run: JournalRun): void
  closeRun(serverId: string, run: number, size: number): void
  addInsert(serverId: string, run: number, insert: JournalInsert): void
  /** Forgets runs whose every byte the api has. */
  forgetRuns(serverId: string, before: number): void
}
