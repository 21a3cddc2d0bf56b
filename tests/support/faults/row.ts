import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { FaultResult } from '../../../scripts/faults/table.ts'
import { createRandom, type Random } from './random.ts'

/** The long form of the fault tests: more tries, longer cuts (`npm run test:faults`). */
export const IS_LONG = process.env['CATALYST_FAULTS'] === 'long'

const RESULTS = path.resolve(import.meta.dirname, '../../artefacts/faults')
/** What a try may take on top of the time that it breaks things for. */
const LONGEST_TRY_MS = 180_000

/** What a recovery may take, and is measured against; a test fails at five times as much only. */
export const GOALS_MS = { api: 3000, agent: 2000, truth: 5000 } as const
const PATIENCE = 5

/** One try of a row. */
export type Try = {
  readonly number: number
  readonly seed: number
  readonly random: Random
  /** Something that must hold did not. */
  violation(text: string): void
  /** A recovery that was measured. */
  recovered(what: keyof typeof GOALS_MS, milliseconds: number): void
}

export type RowOptions = {
  /** Number in the fault matrix. */
  row: number
  fault: string
  /** Tries in the long and in the short form; 20 and 3 unless given. */
  tries?: { long: number; short: number }
  /** For how long a try breaks things by design; little unless given. */
  durationMs?: number
}

/** The seed of this run: given, or by chance. */
function firstSeed(): number {
  const given = Number(process.env['CATALYST_FAULT_SEED'])
  return Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 1e9) + 1
}

/**
 * Declares the test of one row of the fault matrix: `attempt` runs as often as the form says, each time from a seed of its
 * own that is printed when it fails. What was found and measured goes to the table.
 */
export function faultRow({ row, fault, tries, durationMs = 0 }: RowOptions, attempt: (attempt: Try) => Promise<void>): void {
  const count = IS_LONG ? (tries?.long ?? 20) : (tries?.short ?? 3)
  it(`${fault}: nothing is lost`, { timeout: count * (durationMs + LONGEST_TRY_MS) }, async () => {
    const seed = firstSeed()
    const result: FaultResult = { row, fault, seed, tries: 0, violations: [], milliseconds: { api: [], agent: [], truth: [] } }
    try {
      for (let number = 0; number < count; number += 1) await runOne(attempt, number, seed + number, result)
    } finally {
      mkdirSync(RESULTS, { recursive: true })
      writeFileSync(path.join(RESULTS, `${String(row).padStart(2, '0')}.json`), JSON.stringify(result))
    }
    expect(result.violations).toEqual([])
  })
}

async function runOne(attempt: (attempt: Try) => Promise<void>, number: number, seed: number, result: FaultResult): Promise<void> {
  const violation = (text: string) => {
    result.violations.push(`seed ${String(seed)}: ${text}`)
  }
  result.tries += 1
  try {
    await attempt({
      number,
      seed,
      random: createRandom(seed),
      violation,
      recovered(what, milliseconds) {
        result.milliseconds[what].push(Math.round(milliseconds))
        if (milliseconds > PATIENCE * GOALS_MS[what])
          violation(`${what} took ${milliseconds.toFixed(0)} ms, more than ${String(PATIENCE)} times its goal`)
      },
    })
  } catch (error) {
    violation(error instanceof Error ? error.message : String(error))
    throw error
  }
}
