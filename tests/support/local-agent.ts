import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ThirdParty } from './third-party.ts'

/**
 * A real agent process on this machine, against any api. Data folder, containerd namespace, users and ports are its own, so
 * that several stand side by side: what `agent/.env.example` says an operator has to set apart.
 */
export type LocalAgent = {
  readonly nodeId: string
  readonly dataDir: string
  readonly namespace: string
  /** What a hand-made run of the agent's command line must have set. */
  readonly environment: NodeJS.ProcessEnv
  /** Process id; null while it is down. */
  pid(): number | null
  /** Everything that it logged, over all starts. */
  printed(): string
  /** Starts it; resolves when its session is in step with the api. */
  start(): Promise<void>
  /** SIGTERM: games go on. Resolves with the exit status. */
  stop(): Promise<number | null>
  /** SIGKILL: games go on. */
  kill(): Promise<void>
  /** Stops it, ends its games, takes back what it made on the machine, and removes its data folder. Safe to repeat. */
  dispose(): Promise<void>
}

export type LocalAgentOptions = {
  /** Short and unique on this machine: names the node and what is made for it. */
  name: string
  /** The api's address, such as `http://127.0.0.1:3000`. */
  apiUrl: string
  administrator: ThirdParty
  containerdSocket: string
  /** Unique on this machine; its users have numbers that go by them. */
  ports: { first: number; last: number }
  /** Program with arguments that starts it, such as `faketime`. */
  wrapper?: readonly string[]
  /** Where it dials instead of the api's own address. */
  agentUrl?: string
  environment?: NodeJS.ProcessEnv
  /** To enrol with; absent: one is made. */
  token?: string
}

export const AGENT_MAIN = path.resolve(import.meta.dirname, '../../agent/src/main.ts')

const START_TIMEOUT_MS = 30_000
const FIRST_UID = 300_000

async function createToken(client: ThirdParty, name: string, ports: { first: number; last: number }): Promise<string> {
  const { createEnrolmentToken } = await client.query<{ createEnrolmentToken: { token?: string; message?: string } }>(
    `mutation ($input: CreateEnrolmentTokenInput!) {
      createEnrolmentToken(input: $input) { ... on CreateEnrolmentTokenSuccess { token } ... on Error { message } }
    }`,
    { input: { name, address: '127.0.0.1', firstPort: ports.first, lastPort: ports.last } },
  )
  if (createEnrolmentToken.token === undefined) throw new Error(createEnrolmentToken.message)
  return createEnrolmentToken.token
}

/** Ends with what it printed when its status is not 0. */
async function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [AGENT_MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`agent ${args.join(' ')} ended with ${String(code)}:\n${output}`)
  return output
}

/** Enrols a node by the agent's command line and starts its agent. */
export async function startLocalAgent(options: LocalAgentOptions): Promise<LocalAgent> {
  const { name, ports, wrapper = [] } = options
  const dataDir = await mkdtemp(path.join(tmpdir(), `catalyst-${name}-`))
  const namespace = `catalyst-${name}`
  const url = options.agentUrl ?? `${options.apiUrl.replace(/^http/, 'ws')}/agent`
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'production',
    CATALYST_AGENT_API_URL: url,
    CATALYST_DATA_DIR: dataDir,
    CONTAINERD_SOCKET: options.containerdSocket,
    CONTAINERD_NAMESPACE: namespace,
    CATALYST_AGENT_FIRST_UID: String(FIRST_UID + ports.first),
    CATALYST_AGENT_LAST_UID: String(FIRST_UID + ports.last),
    ...options.environment,
  }
  const token = options.token ?? (await createToken(options.administrator, name, ports))
  const enrolled = await runToEnd(['enroll', '--url', url, '--token', token], env).catch(async (error: unknown) => {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  })
  const nodeId = enrolled.trim().split(' ').at(-1) ?? ''

  let child: ChildProcess | null = null
  let printed = ''
  let isDisposed = false

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const running = child
    child = null
    if (running?.exitCode !== null || running.signalCode !== null) return running?.exitCode ?? null
    running.kill(signal)
    const [code] = (await once(running, 'exit')) as [number | null]
    return code
  }

  async function start(): Promise<void> {
    const [command = process.execPath, ...args] = wrapper.length === 0 ? [] : [...wrapper, process.execPath]
    const started = spawn(command, [...args, AGENT_MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child = started
    const read = (chunk: Buffer) => (printed += chunk.toString())
    started.stdout?.on('data', read)
    started.stderr?.on('data', read)
    const ready = Promise.withResolvers<undefined>()
    started.once('message', () => {
      ready.resolve(undefined)
    })
    started.once('exit', (code, signal) => {
      ready.reject(new Error(`the agent ${name} ended with ${String(code ?? signal)}:\n${printed}`))
    })
    const timer = setTimeout(() => {
      ready.reject(new Error(`the agent ${name} was not in step with the api in time:\n${printed}`))
    }, START_TIMEOUT_MS)
    try {
      await ready.promise
    } finally {
      clearTimeout(timer)
    }
  }

  const agent: LocalAgent = {
    nodeId,
    dataDir,
    namespace,
    environment: env,
    pid: () => child?.pid ?? null,
    printed: () => printed,
    start,
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL')
    },
    async dispose() {
      if (isDisposed) return
      isDisposed = true
      await end('SIGTERM')
      await runToEnd(['down'], env)
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  try {
    await start()
  } catch (error) {
    await agent.dispose().catch(() => undefined)
    throw error
  }
  return agent
}
