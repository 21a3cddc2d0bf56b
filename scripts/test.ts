import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatCounts, NOTHING, readFailures, sum, type Counts } from './check/counts.ts'
import { runChecks } from './check/run-checks.ts'
import { clearFaultResults, formatFaultTable, readFaultResults } from './faults/table.ts'
import { ensureGenerated } from './start/generated.ts'
import { createProgress } from './start/progress.ts'
import { NODE_PACKAGES } from './start/system-packages.ts'
import { ensurePackages, FAULT_PACKAGES, GUEST_PACKAGES } from './test/ensure-packages.ts'
import { runTier } from './test/run-tier.ts'

// `npm test`: installs what the tests need and runs all of them. `-- --only <tier>` runs one tier; more file names or options
// of vitest may follow it: `npm test -- --only e2e tests/e2e/start-command.test.ts`.

type Tier = { name: string; needs: readonly string[]; /** Runs only when it is named. */ isLong?: boolean }

const TIERS: readonly Tier[] = [
  { name: 'check', needs: [] },
  { name: 'integration', needs: [] },
  { name: 'contract', needs: [] },
  { name: 'agent', needs: NODE_PACKAGES },
  { name: 'e2e', needs: [...NODE_PACKAGES, 'chromium'] },
  { name: 'faults', needs: [...NODE_PACKAGES, ...FAULT_PACKAGES] },
  { name: 'host', needs: GUEST_PACKAGES, isLong: true },
]
/** A tier that hangs must not hold the rest. */
const LONGEST_TIER_MS = 15 * 60_000
/** A guest has one processor, and what it does costs several times as much. */
const LONGEST_LONG_TIER_MS = 30 * 60_000

const root = path.resolve(import.meta.dirname, '..')
const progress = createProgress()
const { say } = progress

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string', multiple: true } } })
const unknown = values.only?.find((name) => !TIERS.some((tier) => tier.name === name))
if (unknown !== undefined) {
  say(`There is no tier ${unknown}; there are: ${TIERS.map((tier) => tier.name).join(', ')}`)
  process.exit(1)
}
const tiers = TIERS.filter((tier) => values.only?.includes(tier.name) ?? tier.isLong !== true)

const rows: { name: string; seconds: number; counts: Counts }[] = []
async function measure(name: string, work: () => Promise<Counts>): Promise<void> {
  const started = performance.now()
  const counts = await work()
  rows.push({ name, seconds: (performance.now() - started) / 1000, counts })
}

try {
  mkdirSync(path.join(root, 'tests', 'artefacts'), { recursive: true })
  await measure('set-up', async () => {
    await ensurePackages(progress, [...new Set(tiers.flatMap((tier) => tier.needs))])
    if (!tiers.some((tier) => tier.name === 'check')) await ensureGenerated(root)
    return NOTHING
  })
  clearFaultResults(root)
  for (const { name, isLong } of tiers) {
    say(`\n${name}`)
    const longestMs = isLong === true ? LONGEST_LONG_TIER_MS : LONGEST_TIER_MS
    await measure(name, () => (name === 'check' ? runChecks(root, false) : runTier({ root, name, further: positionals, longestMs, say })))
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  rows.push({ name: 'set-up', seconds: 0, counts: { ...NOTHING, failed: 1 } })
}

const total = rows.reduce((counts, row) => sum(counts, row.counts), NOTHING)
const seconds = rows.reduce((time, row) => time + row.seconds, 0)
const faults = readFaultResults(root)
if (faults.length > 0) say(`\n${formatFaultTable(faults)}`)
for (const { name } of rows) {
  const report = path.join(root, 'tests', 'artefacts', `${name === 'check' ? 'unit' : name}.json`)
  for (const failure of readFailures(report)) say(`  FAILED ${name}: ${failure}`)
}
say('')
for (const row of [...rows, { name: 'all', seconds, counts: total }]) {
  say(`  ${row.name.padEnd(12)} ${row.seconds.toFixed(0).padStart(5)} s   ${formatCounts(row.counts)}`)
}
say(`\n${formatCounts(total)}`)
process.exit(total.failed === 0 ? 0 : 1)
