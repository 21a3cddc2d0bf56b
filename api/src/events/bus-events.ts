/** Topics of the bus. Events carry ids: who listens reads again what it needs. */
export type BusEvents = {
  /** A row of a server's history was committed; `sequence` is its id. */
  server: {
    serverId: string
    ownerId: string
    sequence: number
    kind: 'CREATED' | 'CHANGED' | 'DELETED'
    occurredAt: Date
    /** Of one whose row is gone: as it was last, for who looks on. */
    last?: object
  }
  /** A node came, left, or shows something else. */
  node: { nodeId: string }
  /** The node is gone or has another key: its session ends. */
  nodeRevoked: { nodeId: string; isGone: boolean }
  /** An installation got on, or its log grew. */
  installation: { serverId: string }
  /** There is a new wish or order for a node. */
  orders: { nodeId: string; order: { kind: 'assignment'; serverId: string } | { kind: 'command'; commandId: string } }
  /** A command has its outcome. */
  commandFinished: { commandId: string }
  /** Other servers of a node are looked at than before. */
  watched: { serverId: string }
  /** A node's own measurements are looked at, or no more. */
  nodeWatched: { nodeId: string }
  /** These sessions are over: of one session, or with null all of the user's. */
  'session-revoked': { userId: string; sessionId: string | null }
}
