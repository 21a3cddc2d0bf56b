import { passStep } from '../lib/steps.ts'
import { describeExit, orderedExitReason, ownExitReason, type ExitFacts } from './exit-reason.ts'
import { decideRestart } from './restart-policy.ts'
import { done, type RunnerCore } from './runner-core.ts'
import type { ServerRun } from './server-run.ts'
import type { AfterExit } from './server-state.ts'

/** `at` is of the corrected clock. `isLost`: the machine took the run with it. */
export type RunEnd = ExitFacts & { at: Date; isLost: boolean }

/** Collects what is left of a run, then decides what its end means. The end is in the store before the runtime forgets it. */
export async function takeUpExit(core: RunnerCore, run: ServerRun, end: RunEnd): Promise<void> {
  const { id } = core
  const { runtime, network } = core.deps
  run.leave()
  passStep('exit:seen', id)
  // Collecting makes the runtime forget it: a kill from here on finds the exit in the store.
  core.save({ pendingExit: { code: end.code, outOfMemory: end.outOfMemory, at: end.at.toISOString() } })
  // Deleting the task waits for the last of its output; only then is the run's file complete.
  const collected = await core.retry(() => runtime.collect(id))
  if (core.isClosed()) return
  passStep('exit:collected', id)
  core.console.stream.endRun()
  await core.retry(() => network.detach(id))
  if (core.isClosed()) return
  passStep('exit:detached', id)
  const facts = { code: end.code ?? collected?.code ?? null, outOfMemory: end.outOfMemory || collected?.outOfMemory === true }
  conclude(core, { ...end, ...facts })
  passStep('exit:stored', id)
}

function conclude(core: RunnerCore, end: RunEnd): void {
  const { state, wasKilled, assignment } = core.record()
  const isOrdered = state === 'STOPPING' || state === 'ERROR'
  const reason = end.isLost
    ? 'UNKNOWN'
    : isOrdered
      ? orderedExitReason(end, wasKilled)
      : ownExitReason(end, assignment.spec.restart.cleanExitCodes)
  core.console.notice(end.isLost ? 'Ended with the machine' : describeExit(reason, end.code))
  core.finish(core.waiting.kill.splice(0).map(done))
  const then = isOrdered ? ({ kind: 'ACCEPT' } as const) : followOf(core, end, reason)
  core.dispatch({ kind: 'exited', code: end.code, at: end.at.toISOString(), reason, then })
}

/** What the crash policy says to an end that nobody ordered. */
function followOf(core: RunnerCore, end: RunEnd, reason: Parameters<typeof decideRestart>[0]['reason']): AfterExit {
  if (end.isLost) return { kind: 'LOST' }
  const { assignment, runningSince, restarts } = core.record()
  const { restart: rule } = assignment.spec
  const ranMs = runningSince === null ? 0 : Math.max(0, end.at.getTime() - Date.parse(runningSince))
  const decision = decideRestart({ rule, reason, ranMs, earlier: restarts, now: core.deps.now(), random: core.deps.random })
  switch (decision.kind) {
    case 'accept':
      return { kind: 'ACCEPT' }
    case 'giveUp':
      core.console.notice(`Not started again: ${String(decision.attempts)} restarts in ${String(rule.windowSeconds)} s are the limit`)
      return { kind: 'GIVE_UP', attempts: decision.attempts }
    case 'restart': {
      const { attempt, at, earlier } = decision
      core.console.notice(`Starts again at ${at.toISOString()} (restart ${String(attempt)} of ${String(rule.maximumRestarts)})`)
      return { kind: 'RESTART', restart: { attempt, at: at.toISOString(), reason: describeExit(reason, end.code) }, restarts: earlier }
    }
  }
}
