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
// repeats a run: the first try has that seed, the next one the number after it. `--only host` is the machine of its own.

const LONGEST_MS = 75 * 60_000
/** Faults of a whole machine: a tier of its own, which `npm test` leaves out. */
const HOST = 'host'
const root = path.resolve(import.meta.dirname, '..')
const progress = createProgress()
const { say } = progress

type Row = { number: number; name: string; file: string }

/** `row-05-network-cut.test.ts` is row 5, network-cut; what else is there goes by its name alone. */
function readRows(): Row[] {
  return readdirSync(path.join(root, 'tests', 'faults'))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => {
      const [, number = '', title = ''] = /^(?:row-(\d+)-)?(.+)\.test\.ts$/.exec(name) ?? []
      return { number: Number(number), name: title, file: path.join('tests', 'faults', name) }
    })
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, seed: { type: 'string' } } })
const rows = readRows()
const chosen = rows.filter(
  ({ number, name }) => values.only?.some((only) => only === name || (number > 0 && Number(only) === number)) ?? true,
)
const isHostChosen = values.only?.includes(HOST) ?? true
const unknown = values.only?.find(
  (only) => only !== HOST && !rows.some(({ number, name }) => only === name || (number > 0 && Number(only) === number)),
)
if (unknown !== undefined || (values.seed !== undefined && !/^[1-9]\d{0,8}$/.test(values.seed))) {
  const names = rows.map(({ number, name }) => (number > 0 ? `${String(number)} ${name}` : name)).join(', ')
  say(unknown === undefined ? 'A seed is a number from 1 to 999999999.' : `There is no row ${unknown}; there are: ${names}, ${HOST}`)
  process.exit(1)
}

let total: Counts = NOTHING
try {
  mkdirSync(path.join(root, 'tests', 'artefacts'), { recursive: true })
  await ensurePackages(progress, [...NODE_PACKAGES, ...FAULT_PACKAGES, ...(isHostChosen ? GUEST_PACKAGES : [])])
  await ensureGenerated(root)
  clearFaultResults(root)
  const env = { CATALYST_FAULTS: 'long', ...(values.seed === undefined ? {} : { CATALYST_FAULT_SEED: values.seed }) }
  if (chosen.length > 0)
    total = await runTier({ root, name: 'faults', further: chosen.map(({ file }) => file), env, longestMs: LONGEST_MS, say })
  if (isHostChosen) total = sum(total, await runTier({ root, name: HOST, further: [], longestMs: LONGEST_MS, say }))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  total = sum(total, { ...NOTHING, failed: 1 })
}
say(`\n${formatFaultTable(readFaultResults(root))}`)
say(`\n${formatCounts(total)}`)
process.exit(total.failed === 0 ? 0 : 1)
