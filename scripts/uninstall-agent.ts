import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { agentProgram, type AgentProgram } from './service/agent-program.ts'
import { agentServiceOf, parseSettings } from './service/agent-service.ts'
import { assertServicesPossible, control } from './service/systemd.ts'
import { readSettings, SettingsError } from './settings.ts'
import { ensureGenerated } from './start/generated.ts'
import { createProgress, StepError } from './start/progress.ts'

// `npm run agent:uninstall [-- --end-games] [--delete-files]`: takes the service of the agent away with all that it made on this
// machine. Games are ended, and their files deleted, only when asked by name.

const USAGE = `npm run agent:uninstall [-- --end-games] [--delete-files]`
const { say, step } = createProgress()

async function assertNoGames(agent: AgentProgram): Promise<void> {
  const { games } = await agent.status()
  if (games > 0)
    throw new StepError(
      `${games === 1 ? 'One game runs' : `${String(games)} games run`} on this machine.`,
      'Stop them first, or end them now with: npm run agent:uninstall -- --end-games',
    )
}

/** Removes the agent's data. @returns the folder of the servers' files when it stays */
function removeData(dataFolder: string, areFilesDeleted: boolean): string | null {
  const servers = path.join(dataFolder, 'servers')
  const hasFiles = existsSync(servers) && readdirSync(servers).length > 0
  if (!hasFiles || areFilesDeleted) {
    rmSync(dataFolder, { recursive: true, force: true })
    return null
  }
  for (const name of readdirSync(dataFolder)) if (name !== 'servers') rmSync(path.join(dataFolder, name), { recursive: true, force: true })
  return servers
}

/** Others may have put something of theirs there. */
function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}

async function uninstall(): Promise<void> {
  const { values } = parseArgs({ options: { 'end-games': { type: 'boolean' }, 'delete-files': { type: 'boolean' } } })
  assertServicesPossible()
  const settings = await readSettings()
  const service = agentServiceOf(settings)
  if (!existsSync(service.unitFile) && !existsSync(service.settingsFile)) {
    say(`There is no service ${service.name} on this machine.`)
    return
  }
  await ensureGenerated(settings.root, ['graphql'])
  const told = existsSync(service.settingsFile) ? parseSettings(readFileSync(service.settingsFile, 'utf8')) : {}
  const own = { CATALYST_DATA_DIR: settings.dataDir, CONTAINERD_NAMESPACE: settings.containerdNamespace, ...told }
  const agent = agentProgram(settings.root, own)
  if (values['end-games'] !== true) await assertNoGames(agent)
  await step(`Stopping the service ${service.name}`, async () => {
    if (!existsSync(service.unitFile)) return
    control('disable', '--now', '--quiet', service.name)
    if (values['end-games'] === true) return
    // The agent may have started one until a moment ago.
    await assertNoGames(agent).catch((error: unknown) => {
      control('enable', '--now', '--quiet', service.name)
      throw error
    })
  })
  await step('Taking back what was made for games', () => agent.down())
  const kept = removeData(path.join(own.CATALYST_DATA_DIR, 'agent'), values['delete-files'] === true)
  for (const file of [service.unitFile, service.settingsFile]) rmSync(file, { force: true })
  removeIfEmpty(path.dirname(service.settingsFile))
  if (kept === null) removeIfEmpty(own.CATALYST_DATA_DIR)
  control('daemon-reload')
  if (kept !== null) say(`The files of the servers stay in ${kept}; agent:uninstall -- --delete-files would have deleted them.`)
  say('The agent is gone from this machine. In the dashboard, delete its node.')
}

try {
  await uninstall()
  process.exit(0)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  if (error instanceof StepError) say(error.mend)
  else if (!(error instanceof SettingsError)) say(USAGE)
  process.exit(1)
}
