import { forgetKeys } from '../db/idempotency.ts'
import type { Database } from '../db/database.ts'
import type { AuthService } from '../modules/auth/auth-service.ts'
import { forgetConsoleInput } from '../modules/commands/command-retention.ts'
import type { ConsoleRetention } from '../modules/console/console-retention.ts'
import type { RollUpStore } from '../modules/metrics/roll-up-store.ts'
import type { RecurringJob } from './recurring-job.ts'

export type JobsDeps = { db: Database; now: () => Date; auth: AuthService; rollUps: RollUpStore; consoles: ConsoleRetention }

/** The registry: every recurring piece of work of the api. */
export function createJobs({ db, now, auth, rollUps, consoles }: JobsDeps): RecurringJob[] {
  return [
    { name: 'metrics: roll up', every: '1 minute', run: () => rollUps.rollUp() },
    { name: 'metrics: retain', every: '1 hour', run: () => rollUps.retain() },
    { name: 'sessions: drop expired', every: '1 hour', run: () => auth.dropExpired() },
    { name: 'consoles: merge and prune', every: '5 minutes', run: () => consoles.pruneConsoles() },
    { name: 'consoles: forget what was typed', every: '1 hour', run: () => forgetConsoleInput(db, now()) },
    { name: 'idempotency keys: drop expired', every: '1 hour', run: () => forgetKeys(db) },
  ]
}
