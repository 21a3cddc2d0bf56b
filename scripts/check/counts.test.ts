import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatCounts, readFailures, readVitestReport, sum } from './counts.ts'

let folder: string
let file: string
const write = (report: object) => {
  writeFileSync(file, JSON.stringify({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, ...report }))
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-counts-'))
  file = path.join(folder, 'report.json')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

test('the counts of a report are read and added up', () => {
  write({ numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1 })
  const counts = readVitestReport(file, false)
  expect(counts).toEqual({ passed: 5, failed: 2, skipped: 2 })
  expect(formatCounts(sum(counts, { passed: 1, failed: 0, skipped: 0 }))).toBe('6 passed, 2 failed, 2 skipped')
})

test('a run that failed without a failed test counts as one failure', () => {
  write({ numPassedTests: 5 })
  expect(readVitestReport(file, false).failed).toBe(1)
  expect(readVitestReport(file, true).failed).toBe(0)
})

test('a run that left no report counts as one failure', () => {
  expect(readVitestReport(file, true)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('each failed test, and each file that could not be run, is named with its reason', () => {
  const passed = { fullName: 'a works', status: 'passed', failureMessages: [] }
  const failed = { fullName: 'b works', status: 'failed', failureMessages: ['Error: no b\n    at b.ts:1'] }
  write({
    testResults: [
      { name: '/tests/a.test.ts', status: 'failed', message: '', assertionResults: [passed, failed] },
      { name: '/tests/c.test.ts', status: 'failed', message: 'no such module\n    at c.ts:1', assertionResults: [] },
      { name: '/tests/d.test.ts', status: 'passed', message: '', assertionResults: [passed] },
    ],
  })
  expect(readFailures(file)).toEqual(['a.test.ts: b works: Error: no b', 'c.test.ts: no such module'])
  rmSync(file)
  expect(readFailures(file)).toEqual([])
})
