import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'

/** What one row of the fault matrix found and measured. */
export type FaultResult = {
  row: number
  fault: string
  seed: number
  tries: number
  violations: string[]
  /** From the end of the fault: until the part answered again, until all three views of the state were one. */
  milliseconds: { api: number[]; agent: number[]; truth: number[] }
}

const folderOf = (root: string) => path.join(root, 'tests', 'artefacts', 'faults')

/** Forgets the results of earlier runs. */
export function clearFaultResults(root: string): void {
  rmSync(folderOf(root), { recursive: true, force: true })
}

/** The results that the rows of this run wrote, in order. */
export function readFaultResults(root: string): FaultResult[] {
  const folder = folderOf(root)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as FaultResult)
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2)

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

const medianAndMaximum = (values: readonly number[]) =>
  values.length === 0 ? ['-', '-'] : [seconds(median(values)), seconds(Math.max(...values))]

/** A table for people: fault, tries, violations, seconds to the truth and until api and agent were back (median and maximum). */
export function formatFaultTable(results: readonly FaultResult[]): string {
  const head = ['fault', 'seed', 'tries', 'violations', 'truth', 'max', 'agent', 'max', 'api', 'max']
  const rows = results.map(({ row, fault, seed, tries, violations, milliseconds }) => [
    `${String(row)} ${fault}`,
    String(seed),
    String(tries),
    String(violations.length),
    ...medianAndMaximum(milliseconds.truth),
    ...medianAndMaximum(milliseconds.agent),
    ...medianAndMaximum(milliseconds.api),
  ])
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  return [head, ...rows]
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .join('\n')
}
