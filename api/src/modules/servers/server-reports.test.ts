import { describe, expect, it } from 'vitest'
import { applyReport, type ServerReport } from './server-reports.ts'

const STORE = 'store-1'
const known = {
  state: 'RUNNING',
  desiredState: 'RUNNING',
  reportSequence: 5n,
  reportEpoch: STORE,
  generation: 3,
  problemCode: null,
  problemMessage: null,
  problemAt: null,
  activity: 'NONE',
} as const
const report = (change: Partial<ServerReport>): ServerReport => ({
  serverId: 's',
  sequence: 6,
  generation: 3,
  observedAt: new Date(0),
  state: 'RUNNING',
  isSettled: false,
  isRemoved: false,
  isInstalled: true,
  problem: null,
  lastExit: null,
  runningSince: null,
  restart: null,
  needsRestart: false,
  ...change,
})

describe('a report', () => {
  it('of an older sequence changes nothing, unless the store is another', () => {
    expect(applyReport(known, report({ sequence: 5 }), STORE)).toBeNull()
    expect(applyReport(known, report({ sequence: 1 }), 'store-2')).toMatchObject({ reportEpoch: 'store-2', reportSequence: 1 })
  })

  it('ends the wish only when it was decided for good for this very generation', () => {
    expect(applyReport(known, report({ state: 'CRASHED', isSettled: true }), STORE)).toMatchObject({ desiredState: 'STOPPED' })
    expect(applyReport(known, report({ state: 'CRASHED', isSettled: true, generation: 2 }), STORE)).not.toHaveProperty('desiredState')
    expect(applyReport(known, report({ state: 'CRASHED' }), STORE)).not.toHaveProperty('desiredState')
  })

  it('brings and takes a problem, and keeps the time of one that goes on', () => {
    const problem = { code: 'PORT_IN_USE', message: 'busy' }
    expect(applyReport(known, report({ problem }), STORE)).toMatchObject({ problemCode: 'PORT_IN_USE', problemAt: new Date(0) })
    const troubled = { ...known, problemCode: 'PORT_IN_USE', problemMessage: 'busy', problemAt: new Date(9) }
    expect(applyReport(troubled, report({ problem }), STORE)).not.toHaveProperty('problemAt')
    expect(applyReport(troubled, report({}), STORE)).toMatchObject({ problemCode: null, problemAt: null })
    expect(applyReport(known, report({ problem, generation: 2 }), STORE)).not.toHaveProperty('problemCode')
  })
})
