import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Numbers of tests. */
export type Counts = { passed: number; failed: number; skipped: number }

export const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 }

export function sum(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`
}

type VitestReport = {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  /** One for each file; its message says why it could not be run. */
  testResults?: {
    name: string
    status: string
    message: string
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[]
  }[]
}

/**
 * Counts of a report that vitest wrote. A run that failed without a failed test (a file that does not load, a set-up that
 * breaks, a crash before the report) counts as one failure: it must never look well.
 */
export function readVitestReport(file: string, isWell: boolean): Counts {
  if (!existsSync(file)) return { ...NOTHING, failed: 1 }
  const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  const failed = report.numFailedTests === 0 && !isWell ? 1 : report.numFailedTests
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests }
}

/** One line for each test that failed, and for each file that could not be run, with the first line of the reason. */
export function readFailures(file: string): string[] {
  if (!existsSync(file)) return []
  const { testResults = [] } = JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    const lines = failed.map(
      ({ fullName, failureMessages }) => `${path.basename(name)}: ${fullName}: ${firstLine(failureMessages[0] ?? '')}`,
    )
    return status === 'failed' && lines.length === 0 ? [`${path.basename(name)}: ${firstLine(message)}`] : lines
  })
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? ''
