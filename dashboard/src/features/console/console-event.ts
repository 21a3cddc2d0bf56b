export type ConsoleChunk = {
  __typename: 'ConsoleChunk'
  from: number
  to: number
  kind: 'OUTPUT' | 'INPUT' | 'NOTICE'
  runId: string
  text: string
  at: string
  actor: string | null
}
export type ConsoleGap = { __typename: 'ConsoleGap'; from: number; to: number; reason: 'FLOOD' | 'RETENTION' | 'SLOW_VIEWER' | 'DAMAGED' }
export type ConsoleEvent = ConsoleChunk | ConsoleGap
