import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatCounts, readVitestReport, sum } from './counts.ts'

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
