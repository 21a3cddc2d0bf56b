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

/** Bytes of a run's file that were given up for their room: they keep their positions, and are told as a gap. */
export type JournalGap = { fileOffset: number; size: number }

/**
 * What positions are rebuilt from, together with the run files: a byte of a run's file at offset `o` has the position
 * `base + o + bytes of the run's inserts at offsets up to o`.
 */
export type ConsoleJournal = {
  runs(serverId: string): JournalRun[]
  inserts(serverId: string, run: number): JournalInsert[]
  /** In order; they do not touch. */
  gaps(serverId: string, run: number): JournalGap[]
  addRun(serverId: string, run: JournalRun): void
  closeRun(serverId: string, run: number, size: number): void
  addInsert(serverId: string, run: number, insert: JournalInsert): void
  /** Replaces the gaps of a run. */
  setGaps(serverId: string, run: number, gaps: readonly JournalGap[]): void
  /** Forgets runs whose every byte the api has. */
  forgetRuns(serverId: string, before: number): void
}
