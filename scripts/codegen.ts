import path from 'node:path'
import { ensureGenerated } from './start/generated.ts'
import { run } from './start/run.ts'

// `npm run codegen`: prints both schemas from the api's code, then makes whatever is generated from them.

const root = path.resolve(import.meta.dirname, '..')
try {
  // The schema printer imports the Prisma client.
  await ensureGenerated(root, ['prisma'])
  await run(process.execPath, [path.join(root, 'api/scripts/print-schema.ts')], { cwd: root, env: process.env })
  const ran = await ensureGenerated(root)
  process.stdout.write(`Schemas printed; ${ran.length === 0 ? 'the rest was current' : `generated again: ${ran.join(', ')}`}.\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
