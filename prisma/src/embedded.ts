import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, chmod, chown, mkdir, open, readdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { findBinaries, type Binaries } from './embedded/binaries.ts'
import { EmbeddedPostgresError } from './embedded/error.ts'
import { askDataDirectory, freePort, isAlive, isListening, readPostmaster, waitForExit, type Postmaster } from './embedded/postmaster.ts'
import { findServerUser, type ServerUser } from './embedded/server-user.ts'

export { EmbeddedPostgresError } from './embedded/error.ts'

const SUPERUSER = 'catalyst'
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000

export type EmbeddedOptions = {
  /** Holds one folder per major version. Its parents are opened to the server's user (execute only) when this is root. */
  directory: string
  /** File of the superuser's password; made with mode 0600 when missing. */
  passwordFile: string
  logFile: string
  /** The database in the returned address; it need not exist. */
  database: string
  /** Further settings of the server, such as fsync. */
  settings?: Readonly<Record<string, string>>
}

export type EmbeddedPostgres = {
  url: string
  pid: number
  /** It was running already: left by a supervisor that died. */
  isAdopted: boolean
}

/** Settings for a small server that only this product uses. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  password_encryption: 'scram-sha-256',
  log_line_prefix: '%m [%p] ',
  logging_collector: 'off',
}

async function readPassword(file: string): Promise<string> {
  const existing = await readFile(file, 'utf8').catch(() => '')
  if (existing.trim() !== '') return existing.trim()
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const password = randomBytes(24).toString('base64url')
  await writeFile(file, `${password}\n`, { mode: 0o600 })
  return password
}

/** The server's user must be able to walk to its data: parents that are ours are opened for walking, and nothing else. */
async function openWay(directory: string, user: ServerUser): Promise<void> {
  const canWalk = () => spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', directory], { cwd: '/', stdio: 'ignore', ...user.ids }).status === 0
  for (const folder of [directory, path.dirname(directory), path.resolve(directory, '../..')]) {
    if (canWalk()) return
    await chmod(folder, 0o711)
  }
  if (!canWalk()) {
    throw new EmbeddedPostgresError(
      `the user ${user.name}, which PostgreSQL runs as, cannot enter ${directory}: choose another data folder with CATALYST_DATA_DIR (not below a home folder of root), or set DATABASE_URL`,
    )
  }
}

/** @throws when only data of another major version are there: this server cannot read them */
async function refuseOtherMajor(directory: string, major: string): Promise<void> {
  const present = (await readdir(directory)).filter((name) => /^\d+$/.test(name))
  const other = present.find((name) => name !== major)
  if (other === undefined || present.includes(major)) return
  throw new EmbeddedPostgresError(
    `the data in ${path.join(directory, other)} are of PostgreSQL ${other}, and this version of Catalyst brings PostgreSQL ${major}. ` +
      `Start the version of Catalyst that wrote them, dump the database with pg_dump, load the dump into a PostgreSQL server and set DATABASE_URL to it; ` +
      `or move ${path.join(directory, other)} away to begin with an empty database`,
  )
}

async function initialise(data: string, binaries: Binaries, user: ServerUser | null, password: string): Promise<void> {
  // Under another name until it is complete: a kill in the middle leaves nothing that looks like a database.
  const unfinished = `${data}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  const passwordFile = path.join(unfinished, '..', `.password-${String(process.pid)}`)
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  try {
    if (user) {
      await chown(unfinished, user.ids.uid, user.ids.gid)
      await chown(passwordFile, user.ids.uid, user.ids.gid)
    }
    const result = spawnSync(
      binaries.program('initdb'),
      [
        '-D',
        unfinished,
        '-U',
        SUPERUSER,
        '-A',
        'scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--locale=C',
        '--encoding=UTF8',
        '--no-instructions',
      ],
      { cwd: '/', encoding: 'utf8', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, ...user?.ids },
    )
    if (result.status !== 0)
      throw new EmbeddedPostgresError(`initdb failed: ${result.error?.message ?? (result.stderr.trim() || result.stdout.trim())}`)
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rename(unfinished, data)
}

async function launch(data: string, port: number, binaries: Binaries, user: ServerUser | null, options: EmbeddedOptions): Promise<number> {
  const settings = { ...SETTINGS, ...options.settings, port: String(port) }
  const log = await open(options.logFile, 'a', 0o640)
  try {
    // Detached: a Ctrl-C in the terminal must reach the supervisor, which stops the database last.
    const child = spawn(
      binaries.program('postgres'),
      ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        cwd: '/',
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
        ...user?.ids,
      },
    )
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('spawn', () => {
        resolve(child.pid ?? 0)
      })
    })
    child.unref()
    return pid
  } finally {
    await log.close()
  }
}

async function tail(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-3).join('\n')
}

function addressOf(port: number, password: string, database: string): string {
  return `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${String(port)}/${encodeURIComponent(database)}`
}

/** The port of the last start keeps clients of a server that crashed connected to the next one. */
async function choosePort(file: string): Promise<number> {
  const last = Number(await readFile(file, 'utf8').catch(() => ''))
  if (Number.isInteger(last) && last > 1024 && last < 65_536 && !(await isListening(last))) return last
  return freePort()
}

/** The server that runs on the data folder; null when it ended while it was asked. */
async function adopt(data: string, postmaster: Postmaster, password: string, database: string): Promise<EmbeddedPostgres | null> {
  const answered = await askDataDirectory(addressOf(postmaster.port, password, 'postgres'), START_TIMEOUT_MS, () =>
    isAlive(postmaster.pid),
  ).catch((error: unknown) => {
    if (!isAlive(postmaster.pid)) return null
    throw new EmbeddedPostgresError(
      `a PostgreSQL server (process ${String(postmaster.pid)}) runs on ${data} and does not let us in: stop it and start again`,
      { cause: error },
    )
  })
  if (answered === null) return null
  if ((await realpath(answered)) !== (await realpath(data))) {
    throw new EmbeddedPostgresError(
      `the PostgreSQL server on port ${String(postmaster.port)} serves ${answered} and not ${data}: stop process ${String(postmaster.pid)} and start again`,
    )
  }
  return { url: addressOf(postmaster.port, password, database), pid: postmaster.pid, isAdopted: true }
}

/**
 * Starts the server on its data folder, which is made at the first start, or takes over the one that runs there. The server
 * outlives this process until {@link stopEmbedded}.
 * @throws EmbeddedPostgresError with the cause and the way out
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const user = await findServerUser()
  await mkdir(options.directory, { recursive: true })
  await mkdir(path.dirname(options.logFile), { recursive: true })
  if (user) await openWay(options.directory, user)
  const directory = await realpath(options.directory)
  if (user) await chown(directory, user.ids.uid, user.ids.gid)
  const binaries = await findBinaries(directory, user)
  await refuseOtherMajor(directory, binaries.major)
  const password = await readPassword(options.passwordFile)
  const data = path.join(directory, binaries.major)
  const isInitialised = await access(path.join(data, 'PG_VERSION'), constants.F_OK).then(
    () => true,
    () => false,
  )
  if (!isInitialised) await initialise(data, binaries, user, password)

  const running = await readPostmaster(data)
  const adopted = running === null ? null : await adopt(data, running, password, options.database)
  if (adopted !== null) return adopted
  // Left by a crash. The server would refuse to start if its process id belongs to another program now.
  await rm(path.join(data, 'postmaster.pid'), { force: true })

  const portFile = path.join(directory, 'port')
  const port = await choosePort(portFile)
  const pid = await launch(data, port, binaries, user, options)
  const url = addressOf(port, password, options.database)
  try {
    await askDataDirectory(addressOf(port, password, 'postgres'), START_TIMEOUT_MS, () => isAlive(pid))
  } catch (error) {
    await stopProcess(pid)
    throw new EmbeddedPostgresError(
      `the embedded PostgreSQL did not start: ${await tail(options.logFile)} (all of it in ${options.logFile})`,
      { cause: error },
    )
  }
  await writeFile(portFile, `${String(port)}\n`)
  return { url, pid, isAdopted: false }
}

async function stopProcess(pid: number): Promise<void> {
  // SIGINT: "fast", open connections are cut, everything is written. SIGQUIT: at once, recovered at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isAlive(pid)) return
    process.kill(pid, signal)
    if (await waitForExit(pid, STOP_TIMEOUT_MS)) return
  }
  throw new EmbeddedPostgresError(`PostgreSQL (process ${String(pid)}) does not stop`)
}

/** Stops what runs below `directory`. Nothing happens when nothing does. */
export async function stopEmbedded(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names.filter((entry) => /^\d+$/.test(entry))) {
    const postmaster = await readPostmaster(path.join(directory, name))
    if (postmaster) await stopProcess(postmaster.pid)
  }
}
