import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbedded, stopEmbedded } from '@catalyst/prisma/embedded'
import { API_NODE } from '../../../scripts/start/node-flags.ts'
import { createServer as createGameServer, importTestTemplate } from '../scenario.ts'
import { untilServer } from '../server-query.ts'
import { startTcpProxy, type TcpProxy } from '../tcp-proxy.ts'
import { signIn, type ThirdParty } from '../third-party.ts'
import type { Reached, ReachOrder, ServeOrder, ViewOrder, WriteOrder, Written } from './messages.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
const ADMIN = { email: 'admin@example.test', password: 'correct horse battery staple' }

/** A process of the rig with what it answers. */
export type Helper = { pid: number; ask<T>(order: object): Promise<T>; stop(): Promise<void> }

export function startHelper(name: string): Helper {
  const child = fork(path.join(import.meta.dirname, `${name}-process.ts`), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return {
    pid: child.pid ?? 0,
    async ask<T>(order: object) {
      const answer = once(child, 'message') as Promise<[T]>
      child.send(order)
      return (await answer)[0]
    },
    stop: () => stop(child),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

/** CPU seconds that a process has used, its threads and the kernel's work for it included. */
export function cpuSeconds(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A process of the api. */
export type ApiProcess = { readonly url: string; readonly pid: number; end(signal: NodeJS.Signals): Promise<void> }

/** The path of a console without containers: api, database and agent as they are shipped, each a process of its own. */
export type Rig = {
  url: string
  /** Around whatever stands before the database. */
  databaseUrl: string
  /** What stands before the database of the api, when it was asked for. */
  database: TcpProxy | null
  client: ThirdParty
  serverId: string
  readonly apiPid: number
  /** What the game writes to. */
  gameFile: string
  /** The agent's own data. */
  agentFolder: string
  /** Stops the api and starts it again: it looks at the database anew. */
  restartApi(): Promise<void>
  /** SIGKILLs the api, and starts another in its place. */
  killApi(): Promise<void>
  /** Another api on the same database, until it is ended. */
  addApi(): Promise<ApiProcess>
  /** One past the last byte of the console that is durable. */
  consoleEnd(): Promise<number>
  dispose(): Promise<void>
}

type ApiPlace = { port: number; folder: string; databaseUrl: string; environment: Record<string, string> }

async function startApi({ port, folder, databaseUrl, environment }: ApiPlace): Promise<ApiProcess> {
  const child = fork(path.join(ROOT, 'api/src/main.ts'), {
    execArgv: [...API_NODE.flags],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: {
      ...API_NODE.environment,
      ...process.env,
      NODE_ENV: 'production',
      CATALYST_HTTP_PORT: String(port),
      CATALYST_DATA_DIR: folder,
      DATABASE_URL: databaseUrl,
      CATALYST_ADMIN_EMAIL: ADMIN.email,
      CATALYST_ADMIN_PASSWORD: ADMIN.password,
      LOG_LEVEL: 'error',
      ...environment,
    },
  })
  await once(child, 'message')
  return {
    url: `http://127.0.0.1:${String(port)}`,
    pid: child.pid ?? 0,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}

export type RigOptions = { hasProxy?: boolean; environment?: Record<string, string> }

export async function startRig({ hasProxy = false, environment = {} }: RigOptions = {}): Promise<Rig> {
  const folder = await mkdtemp(path.join(tmpdir(), 'catalyst-rig-'))
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const dispose = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const directory = path.join(folder, 'postgres')
    const embedded = await startEmbedded({
      directory,
      passwordFile: path.join(folder, 'secrets', 'postgres-password'),
      logFile: path.join(folder, 'postgres.log'),
      database: 'catalyst',
    })
    undo.push(() => stopEmbedded(directory))
    const deploy = path.join(ROOT, 'prisma/deploy.ts')
    const deployed = spawnSync(process.execPath, [deploy], { encoding: 'utf8', env: { ...process.env, DATABASE_URL: embedded.url } })
    if (deployed.status !== 0) throw new Error(deployed.stderr)
    const database = hasProxy ? await startTcpProxy(embedded.url) : null
    undo.push(async () => database?.close())

    const start = (port: number) => startApi({ port, folder, databaseUrl: database?.url ?? embedded.url, environment })
    const port = await freePort()
    let api = await start(port)
    const { url } = api
    const end = (signal: NodeJS.Signals) => api.end(signal)
    undo.push(() => end('SIGTERM'))

    const client = await signIn(url, ADMIN.email, ADMIN.password)
    undo.push(() => client.dispose())
    const { createEnrolmentToken } = await client.query<{ createEnrolmentToken: { token: string } }>(
      'mutation ($input: CreateEnrolmentTokenInput!) { createEnrolmentToken(input: $input) { ... on CreateEnrolmentTokenSuccess { token } } }',
      { input: { name: 'rig', address: '127.0.0.1', firstPort: 25_500, lastPort: 25_509 } },
    )
    const agent = startHelper('agent')
    undo.push(() => agent.stop())
    const serve: ServeOrder = { kind: 'serve', url: `${url.replace('http', 'ws')}/agent`, token: createEnrolmentToken.token, folder }
    await agent.ask(serve)
    const templateId = await importTestTemplate(client, 'printer')
    const limits = { memoryMiB: 64, cpuPercent: 100, diskMiB: 64 }
    const serverId = await createGameServer(client, { name: 'Rig', templateId, ...limits, start: true })
    // The ready text is not printed by anybody: the game counts as starting, which its console does not mind.
    await untilServer(client, serverId, (server) => server.status === 'STARTING' || server.status === 'RUNNING', 60_000)
    // More than a game may print for long: what is measured is the path, not its limit.
    await client.query('mutation ($input: UpdateConsoleSettingsInput!) { updateConsoleSettings(input: $input) { __typename } }', {
      input: { serverId, floodLinesPerSecond: 1_000_000, floodBytesPerSecond: 2 ** 30 },
    })
    const agentFolder = path.join(folder, 'agent')
    const logs = path.join(agentFolder, 'servers', serverId, 'logs')
    const runs = readdirSync(logs).filter((name) => /^run-\d+\.log$/.test(name))
    const gameFile = path.join(logs, runs.sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b))).at(-1) ?? '')
    return {
      url,
      databaseUrl: embedded.url,
      database,
      client,
      serverId,
      get apiPid() {
        return api.pid
      },
      async restartApi() {
        await api.end('SIGTERM')
        api = await start(port)
      },
      async killApi() {
        await api.end('SIGKILL')
        api = await start(port)
      },
      async addApi() {
        const another = await start(await freePort())
        undo.push(() => another.end('SIGTERM'))
        return another
      },
      gameFile,
      agentFolder,
      async consoleEnd() {
        const events = client.iterate<{ consoleEvents: { from: number; to: number } }>(
          'subscription ($id: ID!) { consoleEvents(serverId: $id, tailLines: 1) { from to } }',
          { id: serverId },
        )
        const { value } = await events.next()
        await events.return(undefined)
        return value?.consoleEvents.to ?? 0
      },
      dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** The raw broadcast beside the product, over a file of its own. */
export async function startRelay(): Promise<{ url: string; pid: number; file: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'catalyst-relay-'))
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, 'game.log')
  writeFileSync(file, '')
  const child = fork(path.join(import.meta.dirname, 'relay-process.ts'), { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const following = once(child, 'message')
  child.send({ file })
  await following
  return {
    url: `ws://127.0.0.1:${String(port)}`,
    pid: child.pid ?? 0,
    file,
    async stop() {
      await stop(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const write = (writer: Helper, order: Omit<WriteOrder, 'kind'>) => writer.ask<Written>({ kind: 'write', ...order })
export const view = (viewers: Helper, order: Omit<ViewOrder, 'kind'>) => viewers.ask<string>({ kind: 'view', ...order })
export const reach = (viewers: Helper, order: Omit<ReachOrder, 'kind'>) => viewers.ask<Reached>({ kind: 'reach', ...order })

/** Lets viewers that stall read. */
export const resume = (viewers: Helper) => viewers.ask<string>({ kind: 'resume' })
