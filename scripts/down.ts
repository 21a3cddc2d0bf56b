import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { ensureContainerd, hasOwnContainerd, stopOwnContainerd } from './start/containerd.ts'
import { stopDatabase } from './start/database.ts'
import { agentEnvironment } from './start/parts.ts'
import { readPid, stopPid } from './start/pid-file.ts'
import { createProgress } from './start/progress.ts'
import { run } from './start/run.ts'
import { readSettings, type Settings } from './settings.ts'

// `npm run down`: stops everything, games included, and takes back all that was made on this machine. Data stay.

const { say, step } = createProgress()

async function stopParts(settings: Settings): Promise<void> {
  const parts = [
    ['start', path.join('scripts', 'start.ts')],
    ['agent', path.join('agent', 'src', 'main.ts')],
    ['api', path.join('api', 'src', 'main.ts')],
  ] as const
  for (const [name, mark] of parts) {
    const pidFile = path.join(settings.dataDir, 'run', `${name}.pid`)
    const pid = readPid(pidFile, mark)
    // The supervisor stops what it started; what is left belongs to one that was killed.
    if (pid !== null) await stopPid(pid, 60_000)
    await rm(pidFile, { force: true })
  }
  await stopDatabase(settings)
}

async function stopGames(settings: Settings): Promise<void> {
  if (!existsSync(path.join(settings.dataDir, 'agent'))) return
  const containerd = await ensureContainerd(settings)
  await run(process.execPath, [path.join(settings.root, 'agent', 'src', 'main.ts'), 'down'], {
    cwd: settings.root,
    env: agentEnvironment(settings, containerd.socket),
  })
}

try {
  const settings = await readSettings()
  await step('Stopping api, agent and database', () => stopParts(settings))
  await step('Stopping games', () => stopGames(settings))
  if (hasOwnContainerd(settings)) await step('Stopping containerd', () => stopOwnContainerd(settings))
  say(`All stopped. The data stay in ${settings.dataDir}.`)
  process.exit(0)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
