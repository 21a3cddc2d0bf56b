import type { Assignment, ServerRecord } from './records.ts'

/** The record of a server that this node sees for the first time. */
export function newRecord(assignment: Assignment, uid: number): ServerRecord {
  return {
    id: assignment.serverId,
    uid,
    assignment,
    state: 'STOPPED',
    startsAgain: false,
    sequence: 0,
    settledGeneration: 0,
    startedGeneration: 0,
    isInstalled: assignment.isInstalled,
    isRemoved: false,
    problem: null,
    lastExit: null,
    runId: null,
    runningSince: null,
    run: null,
    stopSentAt: null,
    wasKilled: false,
    pendingExit: null,
    restart: null,
    restarts: [],
    installation: null,
    acknowledged: assignment.consolePosition,
  }
}

type OldSpec = Omit<Assignment['spec'], 'restart' | 'bootPolicy'> & Partial<Assignment['spec']>
type OldAssignment = Omit<Assignment, 'spec'> & { spec: OldSpec }
/** What every agent has written; what came later may be missing. */
type OldRecord = Omit<Partial<ServerRecord>, 'assignment'> & { assignment: OldAssignment; uid: number }

/** Reads a stored record. One of an older agent lacks what came later: its servers go on as that agent kept them. */
export function readRecord(json: unknown): ServerRecord {
  const { assignment: old, ...record } = JSON.parse(String(json)) as OldRecord
  const assignment: Assignment = {
    ...old,
    spec: {
      restart: { policy: 'NEVER', cleanExitCodes: [0], maximumRestarts: 0, windowSeconds: 600 },
      bootPolicy: 'RESTORE',
      ...old.spec,
    },
  }
  return {
    ...newRecord(assignment, record.uid),
    // It did not keep which wish a start served; a run that goes on has served the newest.
    startedGeneration: record.runningSince == null ? 0 : assignment.generation,
    ...record,
  }
}
