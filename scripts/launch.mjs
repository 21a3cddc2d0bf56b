// Plain JavaScript for Node >= 18, no dependencies: `node scripts/launch.mjs <script> [arguments]`.
// Installs the locked dependencies when they are missing or stale, then runs scripts/<script>.ts on the Node that the lockfile
// pins (node_modules/.bin/node), whichever Node and npm started this file.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const PNPM = '12.21.0'
const NODE_MAJOR = 24
const scripts = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(scripts)
const bin = path.join(root, 'node_modules', '.bin')
const stampFile = path.join(root, 'node_modules', '.installed')
const say = (text) => process.stderr.write(`launch: ${text}\n`)
const fail = (text) => {
  say(text)
  process.exit(1)
}

// npm tells the scripts it runs about itself, its Node and its options (call, package, workspace, ignore-scripts ...); below
// this line that is false or harmful. Only what says how to reach the registry is kept.
const keep =
  /^npm_config_(registry|@.*|\/\/.*|userconfig|globalconfig|cache|ca|cafile|cert|key|proxy|https_proxy|noproxy|strict_ssl|offline|prefer_offline|loglevel)$/i
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE|INIT_CWD|npm_.*)$/i.test(name) || keep.test(name)))
// pnpm 12 does not read npm_config_*.
if (env.npm_config_registry) env.pnpm_config_registry ??= env.npm_config_registry
env.PATH = [bin, env.PATH].join(path.delimiter)

const manifests = () =>
  ['.', ...fs.readdirSync(root)]
    .filter((folder) => folder !== 'node_modules')
    .map((folder) => path.join(root, folder, 'package.json'))
    .filter((file) => fs.existsSync(file))

function wantedStamp() {
  const hash = createHash('sha256')
  for (const file of [path.join(root, 'pnpm-lock.yaml'), path.join(root, 'pnpm-workspace.yaml'), ...manifests()]) {
    hash.update(fs.readFileSync(file)).update('\0')
  }
  return hash.update(process.platform + process.arch).digest('hex')
}

const isInstalled = (want) => fs.existsSync(stampFile) && fs.readFileSync(stampFile, 'utf8') === want

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Two at once (start and test) would fight over node_modules. */
function takeLock(file) {
  for (let attempt = 0; ; attempt++) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    let owner = 0
    try {
      owner = Number(fs.readFileSync(file, 'utf8'))
    } catch {
      continue // given back in this moment
    }
    if (owner && !isAlive(owner)) {
      fs.rmSync(file, { force: true })
      continue
    }
    if (attempt === 0) say('another installation is running here, waiting')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  }
}

/** The way to npx: npm's own file works where no npm is on PATH. */
function npxCommand() {
  const cli = process.env.npm_execpath ?? ''
  return cli.endsWith('npm-cli.js') ? [process.execPath, path.join(path.dirname(cli), 'npx-cli.js')] : ['npx']
}

function install() {
  const want = wantedStamp()
  if (isInstalled(want)) return
  const lock = path.join(root, '.install-lock')
  let failure
  takeLock(lock)
  try {
    if (isInstalled(want)) return
    say(`installing dependencies with pnpm ${PNPM}`)
    const [command, ...first] = npxCommand()
    const result = spawnSync(command, [...first, '--yes', `pnpm@${PNPM}`, 'install', '--frozen-lockfile'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...env, npm_config_loglevel: 'error', CI: 'true' },
    })
    if (result.status === 0) fs.writeFileSync(stampFile, want)
    else failure = result.error?.message ?? result.signal ?? `exit status ${result.status}`
  } finally {
    fs.rmSync(lock, { force: true })
  }
  if (failure) fail(`pnpm install failed (${failure}); is the npm registry within reach?`)
}

const [script = '', ...rest] = process.argv.slice(2)
const file = path.join(scripts, `${script}.ts`)
if (script !== 'install' && (!/^[a-z-]+$/.test(script) || !fs.existsSync(file))) {
  const names = fs.readdirSync(scripts).filter((name) => name.endsWith('.ts'))
  fail(`no script "${script}"; there are: install, ${names.map((name) => name.slice(0, -3)).join(', ')}`)
}
install()
if (script === 'install') process.exit(0)

const majorOf = (program) => {
  const result = spawnSync(program, ['-p', 'process.versions.node'], { encoding: 'utf8', env })
  return result.status === 0 ? parseInt(result.stdout, 10) : 0
}
const pinned = path.join(bin, 'node')
let node = process.execPath
if (fs.existsSync(pinned) && majorOf(pinned) >= NODE_MAJOR) node = pinned
else if (parseInt(process.versions.node, 10) < NODE_MAJOR) {
  fail(
    `Node ${NODE_MAJOR} or later is needed, this is ${process.versions.node}, and there is no pinned one for ${process.platform}-${process.arch}: install Node ${NODE_MAJOR}`,
  )
}

const child = spawn(node, [file, ...rest], { cwd: root, stdio: 'inherit', env })
// The child decides; after a Ctrl-C in a terminal it sees the signal twice.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
if (process.env.npm_lifecycle_event) {
  // npm killed outright cannot pass anything on.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, 1000).unref()
}
child.on('error', (error) => fail(error.message))
child.on('exit', (code, signal) => process.exit(code ?? 128 + (os.constants.signals[signal] ?? 0)))
