import os from 'node:os'
import path from 'node:path'
import { existsSync } from 'node:fs'
import type { Settings } from '../settings.ts'
import type { Administrator } from './administrator.ts'
import { dashboardFolder } from './dashboard.ts'
import { AGENT_NODE, API_NODE } from './node-flags.ts'
import { run } from './run.ts'
import { supervise, type Part } from './supervisor.ts'

/** What every part is started with; in development it restarts when its sources change. */
export type PartContext = { settings: Settings; say: (text: string) => void; isDevelopment: boolean }

const script = (settings: Settings, ...names: string[]) => path.join(settings.root, ...names)

function environment(settings: Settings): NodeJS.ProcessEnv {
  // Node compiles its sources once for each version of them, and starts with less in memory.
  const NODE_COMPILE_CACHE = path.join(settings.dataDir, 'run', 'compiled')
  return { NODE_COMPILE_CACHE, ...process.env, CATALYST_DATA_DIR: settings.dataDir, LOG_LEVEL: settings.logLevel }
}

function apiEnvironment(settings: Settings, databaseUrl: string, administrator: Administrator): NodeJS.ProcessEnv {
  return {
    ...environment(settings),
    NODE_ENV: 'production',
    CATALYST_HOST: settings.host,
    CATALYST_HTTP_PORT: String(settings.httpPort),
    CATALYST_PUBLIC_URL: settings.publicUrl,
    CATALYST_DASHBOARD_DIR: dashboardFolder(settings.root),
    DATABASE_URL: databaseUrl,
    CATALYST_ADMIN_EMAIL: administrator.email,
    ...(administrator.password === null ? {} : { CATALYST_ADMIN_PASSWORD: administrator.password }),
  }
}

export function startApi({ settings, say, isDevelopment }: PartContext, databaseUrl: string, administrator: Administrator): Promise<Part> {
  const env = { ...API_NODE.environment, ...apiEnvironment(settings, databaseUrl, administrator) }
  return supervise({
    name: 'api',
    flags: API_NODE.flags,
    script: script(settings, 'api', 'src', 'main.ts'),
    env,
    dataDir: settings.dataDir,
    say,
    isWatched: isDevelopment,
  })
}

/** A single-use token for this machine; null when its agent has a key already. */
export async function enrolmentToken(settings: Settings, databaseUrl: string, administrator: Administrator): Promise<string | null> {
  if (existsSync(path.join(settings.dataDir, 'agent', 'key'))) return null
  const { first, last } = settings.nodePorts
  const args = [
    'create-enrolment-token',
    '--name',
    os.hostname(),
    '--address',
    settings.nodeAddress,
    '--ports',
    `${String(first)}-${String(last)}`,
  ]
  const output = await run(process.execPath, [script(settings, 'api', 'src', 'cli.ts'), ...args], {
    cwd: settings.root,
    env: apiEnvironment(settings, databaseUrl, administrator),
  })
  return output.trim()
}

/** What the agent and its `down` command are told. */
export function agentEnvironment(settings: Settings, containerdSocket: string): NodeJS.ProcessEnv {
  const host = settings.host === '0.0.0.0' || settings.host === '::' ? '127.0.0.1' : settings.host
  return {
    ...environment(settings),
    NODE_ENV: 'production',
    CATALYST_AGENT_API_URL: settings.agentApiUrl ?? `ws://${host.includes(':') ? `[${host}]` : host}:${String(settings.httpPort)}/agent`,
    CONTAINERD_SOCKET: containerdSocket,
    CONTAINERD_NAMESPACE: settings.containerdNamespace,
  }
}

export function startAgent({ settings, say, isDevelopment }: PartContext, containerdSocket: string, token: string | null): Promise<Part> {
  const env = {
    ...AGENT_NODE.environment,
    ...agentEnvironment(settings, containerdSocket),
    ...(token === null ? {} : { CATALYST_AGENT_ENROLMENT_TOKEN: token }),
  }
  return supervise({
    name: 'agent',
    flags: AGENT_NODE.flags,
    script: script(settings, 'agent', 'src', 'main.ts'),
    env,
    dataDir: settings.dataDir,
    say,
    isWatched: isDevelopment,
  })
}
