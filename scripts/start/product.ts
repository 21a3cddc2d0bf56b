import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { readAdministrator } from './administrator.ts'
import { ensureContainerd, watchContainerd, type Containerd } from './containerd.ts'
import { buildDashboard, serveDashboard } from './dashboard.ts'
import { startDatabase, stopDatabase, watchDatabase } from './database.ts'
import { ensureGenerated } from './generated.ts'
import { enrolmentToken, startAgent, startApi } from './parts.ts'
import { readPid, removePid, writePid } from './pid-file.ts'
import { createProgress, StepError } from './progress.ts'
import { run } from './run.ts'
import { installCommand, installPackages, missingPackages, NODE_PACKAGES } from './system-packages.ts'
import { readSettings, SettingsError, type Settings } from '../settings.ts'

const { say, step } = createProgress()
/** What has been started, in order; stopped in the opposite one. */
const started: { name: string; stop(): Promise<void> | void }[] = []

function claim(settings: Settings): void {
  mkdirSync(path.join(settings.dataDir, 'run'), { recursive: true, mode: 0o755 })
  mkdirSync(path.join(settings.dataDir, 'logs'), { recursive: true, mode: 0o750 })
  const pidFile = path.join(settings.dataDir, 'run', 'start.pid')
  const other = readPid(pidFile, `${path.sep}scripts${path.sep}`)
  if (other !== null && other !== process.pid) {
    throw new StepError(
      `Catalyst runs already on ${settings.dataDir} (process ${String(other)}).`,
      'Stop it, or set CATALYST_DATA_DIR, CATALYST_HTTP_PORT, CATALYST_NODE_PORTS and CONTAINERD_NAMESPACE for a second one.',
    )
  }
  writePid(pidFile, process.pid)
  started.push({
    name: 'pid file',
    stop: () => {
      removePid(pidFile)
    },
  })
}

/** The containerd to use; null when this machine cannot run games yet, which is said. */
async function prepareNode(settings: Settings): Promise<Containerd | null> {
  const missing = missingPackages(NODE_PACKAGES)
  if (process.getuid?.() !== 0) {
    say('  Not root: api and dashboard run, games do not. For a local node run as root:')
    say(`    ${missing.length === 0 ? 'npm start' : `${installCommand(missing)} && npm start`}`)
    return null
  }
  if (missing.length > 0) {
    await step(`Installing ${missing.join(', ')}`, () => {
      installPackages(missing)
      return Promise.resolve()
    })
  }
  const containerd = await step('Finding or starting containerd', () => ensureContainerd(settings))
  started.push({ name: 'containerd watch', ...watchContainerd(settings, containerd, say) })
  return containerd
}

async function start({ isDevelopment }: Mode): Promise<void> {
  const chosen = await readSettings()
  // In development Vite takes the public port, and the api the next one.
  const settings = isDevelopment ? { ...chosen, httpPort: chosen.httpPort + 1 } : chosen
  say(`Catalyst, data in ${settings.dataDir}`)
  claim(settings)
  const containerd = await prepareNode(settings)

  await step('Generating code', () => ensureGenerated(settings.root))
  if (!isDevelopment) await step('Building the dashboard', () => buildDashboard(settings.root, process.env))

  const database = await step(settings.databaseUrl === null ? 'Starting PostgreSQL' : 'Using the external PostgreSQL', () =>
    startDatabase(settings),
  )
  started.push({ name: 'database', stop: () => stopDatabase(settings) })
  started.push({ name: 'database watch', ...watchDatabase(settings, database.pid, say) })
  // In a process of its own: the migration engine would stay in memory for as long as this one runs.
  await step('Applying migrations', () =>
    run(process.execPath, [path.join(settings.root, 'prisma', 'deploy.ts')], {
      cwd: settings.root,
      env: { ...process.env, DATABASE_URL: database.url },
    }),
  )

  const administrator = await readAdministrator(settings)
  await step('Starting the api', async () => {
    const part = await startApi({ settings, say, isDevelopment }, database.url, administrator)
    started.push({ name: 'api', stop: part.stop })
    await part.ready
  })
  if (containerd !== null) {
    await step('Starting the agent of this machine', async () => {
      const token = await enrolmentToken(settings, database.url, administrator)
      const part = await startAgent({ settings, say, isDevelopment }, containerd.socket, token)
      started.push({ name: 'agent', stop: part.stop })
      await part.ready
    })
  }

  if (isDevelopment) started.push({ name: 'vite', ...(await step('Starting Vite', () => serveDashboard(chosen.httpPort, settings))) })

  say('')
  say(`Catalyst is ready: ${settings.publicUrl}`)
  say(`  administrator  ${administrator.email}`)
  if (administrator.isFirstStart && settings.administrator.password === null)
    say(`  password       ${administrator.password ?? ''}   (kept in ${administrator.passwordFile})`)
  else if (administrator.password !== null) say(`  password       in ${administrator.passwordFile}`)
  say('Ctrl-C stops everything but the games; `npm run down` stops those too.')
}

let stopping: Promise<void> | null = null

/** Idempotent: npm, the launcher and the terminal may each pass on the same Ctrl-C. */
function stop(status: number): Promise<void> {
  stopping ??= (async () => {
    for (const part of started.reverse()) {
      try {
        await part.stop()
      } catch (error) {
        say(`${part.name} did not stop cleanly: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    process.exit(status)
  })()
  return stopping
}

/** How `npm start` and `npm run dev` differ: development restarts parts on edits and serves the dashboard from its sources. */
export type Mode = { isDevelopment: boolean }

/** Sets everything up, runs it, and looks after it until Ctrl-C or SIGTERM ends this process. Games outlive it. */
export async function runProduct(mode: Mode): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping === null) say('\nStopping; games go on.')
      void stop(0)
    })
  }
  try {
    await start(mode)
  } catch (error) {
    // A stop in the middle of the start makes its steps fail: that is no failure.
    if (stopping !== null) return
    say(`\nCatalyst could not start. ${error instanceof Error ? error.message : String(error)}`)
    if (error instanceof StepError) say(error.mend)
    else if (!(error instanceof SettingsError)) say('The logs in the data folder may say more.')
    await stop(1)
  }
}
