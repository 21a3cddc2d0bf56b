import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** A containerd of the test's own, with its own folders. Everything a test makes in it should be removed before it stops. */
export type TestContainerd = {
  readonly socket: string
  /** Holds everything of it: socket, root and state. */
  readonly base: string
  /** Process id; null while it does not run. */
  pid(): number | null
  /** Empty folder for whatever the test writes. */
  readonly folder: string
  /** SIGKILLs the daemon; tasks go on. */
  kill(): Promise<void>
  /** SIGTERM, and waits for its end; tasks go on. */
  stop(): Promise<void>
  /** Starts it again on the same folders. */
  start(): Promise<void>
  /** Ends it and removes its folders. */
  dispose(): Promise<void>
}

const START_TIMEOUT_MS = 30_000

/** Why containerd cannot run here; null when it can. Tests are skipped with these words. */
export function whyNoContainerd(): string | null {
  if (process.getuid?.() !== 0) return 'containerd needs root'
  const missing = ['containerd', 'runc', 'containerd-shim-runc-v2', 'ip', 'iptables-restore', 'mmdebstrap', 'tini-static'].filter(
    (name) =>
      !(process.env['PATH'] ?? '')
        .split(':')
        .concat('/usr/sbin', '/usr/bin')
        .some((folder) => existsSync(path.join(folder, name))),
  )
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket, () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => {
      resolve(false)
    })
  })
}

export async function startContainerd(): Promise<TestContainerd> {
  const base = await mkdtemp(path.join(tmpdir(), 'catalyst-containerd-'))
  const socket = path.join(base, 'containerd.sock')
  const config = path.join(base, 'config.toml')
  const folder = path.join(base, 'test')
  await mkdir(folder, { mode: 0o711 })
  const lines = [
    'version = 2',
    `root = "${base}/root"`,
    `state = "${base}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    '[grpc]',
    `  address = "${socket}"`,
    '',
  ]
  await writeFile(config, lines.join('\n'))
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const started = spawn('containerd', ['--config', config, '--log-level', 'error'], { stdio: 'ignore', detached: true })
    child = started
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!(await answers(socket))) {
      if (started.exitCode !== null || performance.now() > deadline) throw new Error('containerd does not start')
      await delay(20)
    }
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = child
    child = null
    if (running?.exitCode !== null || running.signalCode !== null) return
    running.kill(signal)
    await once(running, 'exit')
  }

  await start()
  return {
    socket,
    base,
    folder,
    pid: () => child?.pid ?? null,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    start,
    async dispose() {
      await end('SIGTERM')
      await rm(base, { recursive: true, force: true })
    },
  }
}
