/** Work that comes again and again. It may be cut off anywhere and run again, by another instance too: it must be idempotent. */
export type RecurringJob = {
  /** Of its row: a new name is a new job. */
  name: string
  /** Such as `1 minute`; counted from the start of the run before. */
  every: string
  run(): Promise<unknown>
}
