import { mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatCounts, NOTHING, sum, type Counts } from './check/counts.ts'
import { clearFaultResults, formatFaultTable, readFaultResults } from './faults/table.ts'
import { ensureGenerated } from './start/generated.ts'
import { createProgress } from './start/progress.ts'
import { NODE_PACKAGES } from './start/system-packages.ts'
import { ensurePackages, FAULT_PACKAGES, GUEST_PACKAGES } from './test/ensure-packages.ts'
import { runTier } from './test/run-tier.ts'

// `npm run test:faults`: the long form of the fault tests. `-- --only <row>` (repeatable) runs rows by number or name, `--seed <n>`
// repeats a run: the first try has that seed, the next one the number after it.

const LONGEST_MS = 75 * 60_000
const root = path.resolve(import.meta.dirname, '..')
const progress = createProgress()
const { say } = progress

/** One test file of a tier; number 0 is one without a row in the matrix. */
type Row = { number: number; name: string; file: string; tier: 'faults' | 'host' }

/** `row-05-network-cut.test.ts` is row 5, network-cut; what else is there goes by its name alone, and the guest by `host`. */
function readRows(): Row[] {
  const files = readdirSync(path.join(root, 'tests', 'faults')).filter((name) => name.endsWith('.test.ts'))
  const rows = files.sort().map((name): Row => {
    const [, number = '', title = ''] = /^(?:row-(\d+)-)?(.+)\.test\.ts$/.exec(name) ?? []
    return { number: Number(number), name: title, file: path.join('tests', 'faults', name), tier: 'faults' }
  })
  return [...rows, { number: 0, name: 'host', file: path.join('tests', 'host'), tier: 'host' }]
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, seed: { type: 'string' } } })
const rows = readRows()
const isMeant = ({ number, name }: Row, only: string) => only === name || (number > 0 && Number(only) === number)
const chosen = rows.filter((row) => values.only?.some((only) => isMeant(row, only)) ?? true)
const unknown = values.only?.find((only) => !rows.some((row) => isMeant(row, only)))
if (unknown !== undefined) {
  const names = rows.map(({ number, name }) => (number > 0 ? `${String(number)} ${name}` : name)).join(', ')
  say(`There is no row ${unknown}; there are: ${names}`)
  process.exit(1)
}
if (values.seed !== undefined && !/^[1-9]\d{0,8}$/.test(values.seed)) {
  say('A seed is a number from 1 to 999999999.')
  process.exit(1)
}

let total: Counts = NOTHING
const tiers = [
  { name: 'faults', needs: [...NODE_PACKAGES, ...FAULT_PACKAGES] },
  { name: 'host', needs: GUEST_PACKAGES },
].filter(({ name }) => chosen.some(({ tier }) => tier === name))
try {
  mkdirSync(path.join(root, 'tests', 'artefacts'), { recursive: true })
  await ensurePackages(progress, [...new Set(tiers.flatMap(({ needs }) => needs))])
  await ensureGenerated(root)
  clearFaultResults(root)
  const env = { CATALYST_FAULTS: 'long', ...(values.seed === undefined ? {} : { CATALYST_FAULT_SEED: values.seed }) }
  for (const { name } of tiers) {
    say(`\n${name}`)
    const further = chosen.filter(({ tier }) => tier === name).map(({ file }) => file)
    total = sum(total, await runTier({ root, name, further, env, longestMs: LONGEST_MS, say }))
  }
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  total = sum(total, { ...NOTHING, failed: 1 })
}
say(`\n${formatFaultTable(readFaultResults(root))}`)
say(`\n${formatCounts(total)}`)
process.exit(total.failed === 0 ? 0 : 1)
