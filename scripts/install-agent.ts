import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { agentProgram } from './service/agent-program.ts'
import { agentServiceOf, keptSettings, parseSettings, renderSettings, renderUnit, type AgentService } from './service/agent-service.ts'
import { assertServicesPossible, control, isActive, lastWords, restartsOf } from './service/systemd.ts'
import { readSettings, SettingsError, type Settings } from './settings.ts'
import { ensureGenerated } from './start/generated.ts'
import { readPid } from './start/pid-file.ts'
import { createProgress, StepError } from './start/progress.ts'
import { installPackages, missingPackages, NODE_PACKAGES } from './start/system-packages.ts'

// `npm run agent:install -- --url wss://… --token …`: enrols this machine and runs its agent as a service of systemd. The same
// command without a token, after an update of this folder, is the upgrade. Games do not notice either.

const USAGE = `npm run agent:install -- [--url <wss://…/agent>] [--token <enrolment token>] [--allow-insecure]
  --url and --token are needed the first time; --allow-insecure allows plain ws:// to another machine.`
/** An agent that cannot start has ended by then. */
const PROBATION_MS = 4000

const { say, step } = createProgress()

type Options = { url?: string | undefined; token?: string | undefined; 'allow-insecure'?: boolean | undefined }

const usualSettings = (settings: Settings): Record<string, string> => ({
  CATALYST_DATA_DIR: settings.dataDir,
  CONTAINERD_SOCKET: settings.containerdSocket,
  CONTAINERD_NAMESPACE: settings.containerdNamespace,
  LOG_LEVEL: settings.logLevel,
})

function serviceSettings(service: AgentService, settings: Settings, options: Options): Record<string, string> {
  const earlier = existsSync(service.settingsFile) ? parseSettings(readFileSync(service.settingsFile, 'utf8')) : {}
  const url = options.url ?? earlier['CATALYST_AGENT_API_URL']
  if (url === undefined) throw new StepError('Where the api is, is not known.', USAGE)
  return {
    ...keptSettings(usualSettings(settings), earlier, process.env),
    NODE_ENV: 'production',
    CATALYST_AGENT_API_URL: url,
    CATALYST_AGENT_ALLOW_INSECURE: String(options['allow-insecure'] ?? earlier['CATALYST_AGENT_ALLOW_INSECURE'] === 'true'),
  }
}

/** Nobody else may look after the same games. */
function assertAlone(settings: Settings): void {
  const pid = readPid(path.join(settings.dataDir, 'run', 'agent.pid'), path.join('agent', 'src', 'main.ts'))
  if (pid === null) return
  throw new StepError(
    `npm start runs an agent of its own on ${settings.dataDir} (process ${String(pid)}).`,
    'Stop it, or set CATALYST_DATA_DIR and CONTAINERD_NAMESPACE for this one.',
  )
}

async function assertSteady(service: AgentService): Promise<void> {
  const deadline = performance.now() + PROBATION_MS
  while (performance.now() < deadline) {
    await delay(250)
    if (!isActive(service.name) || restartsOf(service.name) > 0)
      throw new StepError(
        `The agent does not stay up:\n${lastWords(service.name)}`,
        `It is tried again. See: journalctl -u ${service.name}`,
      )
  }
}

async function install(): Promise<void> {
  const { values } = parseArgs({ options: { url: { type: 'string' }, token: { type: 'string' }, 'allow-insecure': { type: 'boolean' } } })
  assertServicesPossible()
  const settings = await readSettings()
  const service = agentServiceOf(settings)
  assertAlone(settings)
  const own = serviceSettings(service, settings, values)

  const missing = missingPackages(NODE_PACKAGES)
  if (missing.length > 0) {
    await step(`Installing ${missing.join(', ')}`, async () => {
      installPackages(missing)
    })
  }
  if (!settings.isContainerdSocketChosen) {
    await step('Starting containerd', async () => {
      control('start', 'containerd')
    })
  }
  await step('Generating code', () => ensureGenerated(settings.root, ['graphql']))

  const agent = agentProgram(settings.root, own)
  const { nodeId } = await agent.status()
  if (nodeId === null) {
    const { token } = values
    if (token === undefined) throw new StepError('This machine is not enrolled yet, and there is no token.', USAGE)
    say(`  Enrolled as node ${await step('Enrolling this machine', () => agent.enroll(token))}`)
  } else {
    say(`  This machine is node ${nodeId}${values.token === undefined ? '' : '; the token is not used'}`)
  }

  await step(`Starting the service ${service.name}`, async () => {
    if (isActive(service.name)) control('stop', service.name)
    mkdirSync(path.dirname(service.settingsFile), { recursive: true, mode: 0o755 })
    writeFileSync(service.settingsFile, renderSettings(own), { mode: 0o600 })
    chmodSync(service.settingsFile, 0o600)
    writeFileSync(service.unitFile, renderUnit(service, settings.root), { mode: 0o644 })
    control('daemon-reload')
    control('enable', '--now', '--quiet', service.name)
    await assertSteady(service)
  })
  say(`The agent runs, and starts with this machine. Its log: journalctl -u ${service.name}`)
}

try {
  await install()
  process.exit(0)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  if (error instanceof StepError) say(error.mend)
  else if (!(error instanceof SettingsError)) say(USAGE)
  process.exit(1)
}
