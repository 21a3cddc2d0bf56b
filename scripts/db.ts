import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { startDatabase, stopDatabase } from './start/database.ts'
import { ensureGenerated } from './start/generated.ts'
import { readPid } from './start/pid-file.ts'
import { readSettings } from './settings.ts'

// `npm run db:migrate` (makes a migration of what changed in schema.prisma and applies it), `db:studio` and `db:seed`, on the
// database that `npm start` uses. It is started for the while when it does not run.

const COMMANDS: Record<string, string[]> = { migrate: ['migrate', 'dev'], studio: ['studio'], seed: ['db', 'seed'] }

async function main(): Promise<number> {
  const [name = '', ...rest] = process.argv.slice(2)
  const command = COMMANDS[name]
  if (!command) {
    process.stderr.write(`There is no such command; there are: ${Object.keys(COMMANDS).join(', ')}\n`)
    return 1
  }
  const settings = await readSettings()
  for (const folder of ['run', 'logs']) mkdirSync(path.join(settings.dataDir, folder), { recursive: true })
  await ensureGenerated(settings.root, ['prisma'])
  const isRunning = readPid(path.join(settings.dataDir, 'run', 'postgres.pid'), 'postgres') !== null
  const database = await startDatabase(settings)
  try {
    const folder = path.join(settings.root, 'prisma')
    const cli = path.join(folder, 'node_modules', 'prisma', 'build', 'index.js')
    const child = spawn(process.execPath, [cli, ...command, ...rest], {
      cwd: folder,
      stdio: 'inherit',
      env: { ...process.env, DATABASE_URL: database.url, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
    })
    // The terminal sends Ctrl-C to both; the database is stopped when the command has ended.
    process.on('SIGINT', () => undefined)
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    if (!isRunning) await stopDatabase(settings)
  }
}

try {
  process.exit(await main())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
