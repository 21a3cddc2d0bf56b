// What the processes of the rig say to each other over their IPC channel.

/** Asks the writer for lines of about `lineBytes` each. */
export type WriteOrder = { kind: 'write'; file: string; linesPerSecond: number; seconds: number; lineBytes: number }
export type Written = { kind: 'written'; lines: number; bytes: number }

/**
 * Opens viewers, in place of those before. `url` is a socket's; `serverId` null reads a raw broadcast instead of the api.
 * With a `habit` it dials again when it is cut, until it is back; one that `stalls` reads nothing until it is told to, and may be
 * told then of what it missed.
 */
export type ViewOrder = {
  kind: 'view'
  url: string
  token: string
  serverId: string | null
  count: number
  starts: number[]
  habit?: 'stalls' | 'returns'
}
/** Lets the viewers that stall read. */
export type ResumeOrder = { kind: 'resume' }
/** Waits until every viewer has got this far. */
export type ReachOrder = { kind: 'reach'; position: number }
/** `skipped` are ranges that viewers who had stalled were told to read from history. */
export type Reached = {
  kind: 'reached'
  messages: number
  latenciesMs: number[]
  faults: string[]
  longestBehind: number
  skipped: { from: number; to: number }[]
}

/** Lets the agent enrol and serve. */
export type ServeOrder = { kind: 'serve'; url: string; token: string; folder: string }

/** Microseconds of the one monotonic clock that all processes of a machine share. */
export const sharedMicros = (): number => Number(process.hrtime.bigint() / 1000n)

/** A line begins with the time at which it was written. */
export const timeOf = (line: string): number => Number(/^(\d+) /.exec(line)?.[1] ?? Number.NaN)
