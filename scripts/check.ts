import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatCounts } from './check/counts.ts'
import { runChecks } from './check/run-checks.ts'

// `npm run check`: format, lint, import zones, dead code, types, generated files, unit tests. `-- --fix` mends what it can.

const { values } = parseArgs({ options: { fix: { type: 'boolean', default: false } } })
const started = performance.now()
const counts = await runChecks(path.resolve(import.meta.dirname, '..'), values.fix)
process.stdout.write(`in ${((performance.now() - started) / 1000).toFixed(0)} s\n${formatCounts(counts)}\n`)
process.exit(counts.failed === 0 ? 0 : 1)
