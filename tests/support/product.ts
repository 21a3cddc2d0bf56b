import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { signIn, type ThirdParty } from './third-party.ts'

export const ADMIN = { email: 'admin@example.test', password: 'correct horse battery staple' }

export type Part = 'api' | 'agent' | 'postgres' | 'containerd'

/** The whole product, started as a user starts it, with a data folder, ports and a containerd namespace of its own. */
export type Product = {
  readonly url: string
  readonly dataDir: string
  readonly namespace: string
  readonly firstGamePort: number
  /** What `npm start` printed so far. */
  printed(): string
  /** A third party signed in as the administrator. */
  administrator(): Promise<ThirdParty>
  /** Process id of a part, from its pid file. */
  pid(part: Part): Promise<number>
  /** SIGKILLs a part; resolves with the id of the process that the supervisor put in its place. */
  kill(part: Part): Promise<number>
  /** SIGKILLs the supervisor and every part at once, as a power cut does; games and a chosen containerd are not of it. */
  crash(): Promise<void>
  /** Ctrl-C: the games stay. Resolves with the exit status. */
  stop(): Promise<number | null>
  /** Starts it again on the same data. */
  start(): Promise<void>
  /** Stops everything, games included (`npm run down`), and removes the data folder. Safe to repeat. */
  dispose(): Promise<void>
}

export type ProductOptions = {
  /** Short and unique on this machine: names namespace, bridge and rules. */
  name: string
  /** Twenty ports from here on may be given to games. */
  firstGamePort: number
  /** A free one unless given. */
  httpPort?: number
  environment?: Record<string, string>
}

const ROOT = path.resolve(import.meta.dirname, '../..')
const START_TIMEOUT_MS = 180_000

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function run(script: string, env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [path.join(ROOT, 'scripts', `${script}.ts`)], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** @throws when the product does not get ready within three minutes; its output is in the message */
export async function startProduct(options: ProductOptions): Promise<Product> {
  const dataDir = await mkdtemp(path.join(tmpdir(), `catalyst-${options.name}-`))
  const port = options.httpPort ?? (await freePort())
  const url = `http://localhost:${String(port)}`
  const namespace = `catalyst-${options.name}`
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'production',
    // Compiled once for all products of a run.
    NODE_COMPILE_CACHE: path.join(ROOT, 'tests', 'artefacts', 'compiled'),
    CATALYST_HTTP_PORT: String(port),
    CATALYST_DATA_DIR: dataDir,
    CATALYST_NODE_ADDRESS: '127.0.0.1',
    CATALYST_NODE_PORTS: `${String(options.firstGamePort)}-${String(options.firstGamePort + 19)}`,
    CONTAINERD_NAMESPACE: namespace,
    CATALYST_ADMIN_EMAIL: ADMIN.email,
    CATALYST_ADMIN_PASSWORD: ADMIN.password,
    ...options.environment,
  }
  let child: ChildProcess | null = null
  let printed = ''

  const start = async () => {
    const started = run('start', env)
    child = started
    const ready = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => {
      ready.reject(new Error(`the product was not ready in time:\n${printed}`))
    }, START_TIMEOUT_MS)
    const from = printed.length
    const read = (chunk: Buffer) => {
      printed += chunk.toString()
      if (printed.slice(from).includes('Catalyst is ready')) ready.resolve(undefined)
    }
    started.stdout?.on('data', read)
    started.stderr?.on('data', read)
    started.once('exit', (code) => {
      ready.reject(new Error(`npm start ended with ${String(code)}:\n${printed}`))
    })
    try {
      await ready.promise
    } finally {
      clearTimeout(timer)
    }
  }

  const stop = async () => {
    const running = child
    child = null
    if (running === null) return null
    if (running.exitCode !== null) return running.exitCode
    const exit = once(running, 'exit')
    running.kill('SIGINT')
    const [code] = (await exit) as [number | null]
    return code
  }

  const pid = async (part: Part) => Number((await readFile(path.join(dataDir, 'run', `${part}.pid`), 'utf8')).trim())

  const product: Product = {
    url,
    dataDir,
    namespace,
    firstGamePort: options.firstGamePort,
    printed: () => printed,
    administrator: () => signIn(url, ADMIN.email, ADMIN.password),
    pid,
    async kill(part) {
      const deadline = performance.now() + 60_000
      const until = async (found: (now: number) => boolean): Promise<number> => {
        for (;;) {
          const now = await pid(part).catch(() => null)
          if (now !== null && found(now)) return now
          if (performance.now() > deadline) throw new Error(`${part} was not started again:\n${printed}`)
          await delay(50)
        }
      }
      // It may be on its way back from another end.
      const old = await until(() => true)
      process.kill(old, 'SIGKILL')
      return until((now) => now !== old)
    },
    async crash() {
      const running = child
      child = null
      const parts = await Promise.all((['api', 'agent', 'postgres'] as const).map(pid))
      // The supervisor first: it must not start what ends now.
      running?.kill('SIGKILL')
      for (const part of parts) process.kill(part, 'SIGKILL')
      while (parts.some((part) => existsSync(`/proc/${String(part)}`))) await delay(20)
    },
    stop,
    start,
    async dispose() {
      await stop()
      const down = run('down', env)
      let output = ''
      down.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
      down.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
      const [code] = (await once(down, 'exit')) as [number | null]
      if (code !== 0) throw new Error(`npm run down ended with ${String(code)}:\n${output}`)
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  try {
    await start()
  } catch (error) {
    await product.dispose().catch(() => undefined)
    throw error
  }
  return product
}
