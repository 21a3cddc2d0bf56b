import { spawn } from 'node:child_process'
import { closeSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Settings } from '../settings.ts'
import { isAlive, readPid, removePid, stopPid, writePid } from './pid-file.ts'
import { StepError } from './progress.ts'
import { openLog } from './supervisor.ts'

const START_TIMEOUT_MS = 30_000

/** A containerd that answers. */
export type Containerd = {
  socket: string
  /** Process id when it is one of ours, kept below the data folder; null when it belongs to the machine. */
  ownPid: number | null
}

type Place = { folder: string; config: string; socket: string; state: string; pidFile: string }

function placeOf(settings: Settings): Place {
  const folder = path.join(settings.dataDir, 'containerd')
  return {
    folder,
    config: path.join(folder, 'config.toml'),
    socket: path.join(folder, 'containerd.sock'),
    state: path.join(folder, 'state'),
    pidFile: path.join(settings.dataDir, 'run', 'containerd.pid'),
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => {
      resolve(false)
    })
  })
}

function configOf(place: Place): string {
  const text = JSON.stringify
  return [
    'version = 2',
    `root = ${text(path.join(place.folder, 'root'))}`,
    `state = ${text(place.state)}`,
    // Kubernetes' part would look for its own network set-up and listen on a port.
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    'oom_score = -999',
    '[grpc]',
    `  address = ${text(place.socket)}`,
    '[debug]',
    '  level = "warn"',
    '',
  ].join('\n')
}

/** Starts ours, or takes over the one an earlier start left running: games live on under it while nothing of us runs. */
async function startOwn(settings: Settings): Promise<Containerd> {
  const place = placeOf(settings)
  const running = readPid(place.pidFile, place.config)
  if (running !== null && (await answers(place.socket))) return { socket: place.socket, ownPid: running }
  if (running !== null) await stopPid(running)
  await mkdir(place.folder, { recursive: true, mode: 0o711 })
  await rm(place.socket, { force: true })
  await writeFile(place.config, configOf(place))
  const log = openLog(settings.dataDir, 'containerd')
  const child = spawn('containerd', ['--config', place.config], { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  const failure = Promise.withResolvers<never>()
  child.once('error', failure.reject)
  child.once('exit', (code) => {
    failure.reject(new Error(`it ended with ${String(code)}`))
  })
  failure.promise.catch(() => undefined)
  const started = async () => {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!(await answers(place.socket))) {
      if (performance.now() > deadline) throw new Error('it does not answer')
      await delay(50)
    }
    const pid = child.pid ?? 0
    writePid(place.pidFile, pid)
    return { socket: place.socket, ownPid: pid }
  }
  try {
    return await Promise.race([started(), failure.promise])
  } catch (error) {
    throw new StepError(
      `containerd did not start: ${error instanceof Error ? error.message : String(error)}`,
      `Read ${path.join(settings.dataDir, 'logs', 'containerd.log')}, or set CONTAINERD_SOCKET to a containerd that runs.`,
      { cause: error },
    )
  }
}

/**
 * The containerd that this product uses: the chosen one, the machine's, or else one of our own.
 * @throws StepError when the chosen one does not answer or ours cannot start
 */
export async function ensureContainerd(settings: Settings): Promise<Containerd> {
  // Games of an earlier start may run under ours although the machine has one by now.
  const place = placeOf(settings)
  const isOurs = !settings.isContainerdSocketChosen && readPid(place.pidFile, place.config) !== null
  if (!isOurs && (await answers(settings.containerdSocket))) return { socket: settings.containerdSocket, ownPid: null }
  if (settings.isContainerdSocketChosen) {
    throw new StepError(
      `Nothing answers at ${settings.containerdSocket}.`,
      'Start that containerd, or remove CONTAINERD_SOCKET so that one is started for you.',
    )
  }
  return startOwn(settings)
}

/** Looks after ours and starts it again when it dies; it may be no child of ours, so it is looked at every second. */
export function watchContainerd(settings: Settings, containerd: Containerd, say: (text: string) => void): { stop(): void } {
  let pid = containerd.ownPid
  if (pid === null) return { stop: () => undefined }
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy || pid === null || isAlive(pid)) return
    isBusy = true
    say('containerd ended; starting it again (games go on)')
    startOwn(settings)
      .then((started) => {
        pid = started.ownPid
      })
      .catch((error: unknown) => {
        say(`containerd: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => {
        isBusy = false
      })
  }, 1000)
  return {
    stop() {
      clearInterval(timer)
    },
  }
}

/** Ends ours with what it holds on the machine; nothing happens when there is none. Its images stay in the data folder. */
export async function stopOwnContainerd(settings: Settings): Promise<void> {
  const place = placeOf(settings)
  const pid = readPid(place.pidFile, place.config)
  if (pid !== null) await stopPid(pid)
  removePid(place.pidFile)
  await rm(place.socket, { force: true })
  await rm(`${place.socket}.ttrpc`, { force: true })
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(`${place.folder}/`))
  if (mounts.length === 0) await rm(place.state, { recursive: true, force: true })
}

/** True when ours has run on this data folder. */
export function hasOwnContainerd(settings: Settings): boolean {
  const place = placeOf(settings)
  try {
    readFileSync(place.config)
    return true
  } catch {
    return false
  }
}
