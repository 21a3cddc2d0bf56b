import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createInterface } from 'node:readline'
import type { DebianImage } from './image-store.ts'
import { leaveOut } from './image-paths.ts'
import type { DebianSources } from './debian-sources.ts'

/** Tells how far the build is; `text` is a line for the install log. */
export type BuildProgress = (percent: number, text: string) => void

/** Lines of mmdebstrap and how much of the work lies behind them. */
const MILESTONES: [pattern: RegExp, percent: number][] = [
  [/running apt-get update/i, 5],
  [/downloading packages/i, 20],
  [/extracting archives/i, 60],
  [/success/i, 75],
]

export function percentOf(line: string): number | null {
  return MILESTONES.find(([pattern]) => pattern.test(line))?.[1] ?? null
}

type RunOptions = { input?: string; signal: AbortSignal; onLine?: (line: string) => void }

/** Runs a program in a process group of its own, which an abort kills whole. */
function run(command: string, args: string[], { input, signal, onLine }: RunOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(command, args, {
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TMPDIR: '/tmp' },
    })
    const last: string[] = []
    const kill = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }
    signal.addEventListener('abort', kill, { once: true })
    createInterface({ input: child.stderr }).on('line', (line) => {
      last.push(line)
      if (last.length > 8) last.shift()
      onLine?.(line)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      signal.removeEventListener('abort', kill)
      if (signal.aborted) reject(signal.reason as Error)
      else if (code === 0) resolve()
      else reject(new Error(`${command} ended with ${String(code)}: ${last.join(' / ')}`))
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(input ?? '')
  })
}

/**
 * Builds the tree of an image from Debian packages and packs it as one layer.
 * @param folder empty folder for the tree and the layer
 * @returns the tar file and its digest
 * @throws with what the tool said last
 */
export async function buildLayer(
  image: DebianImage,
  sources: DebianSources,
  folder: string,
  onProgress: BuildProgress,
  signal: AbortSignal,
): Promise<{ file: string; digest: string }> {
  const tree = path.join(folder, 'tree')
  let percent = 0
  onProgress(percent, `Building an image of ${image.packages.join(', ')} (Debian ${sources.suite})`)
  // "extract" unpacks packages and what they depend on without running their scripts: nothing of them runs on this machine.
  const built = run('mmdebstrap', ['--mode=root', '--variant=extract', `--include=${image.packages.join(',')}`, sources.suite, tree, '-'], {
    input: `${sources.lines.join('\n')}\n`,
    signal,
    onLine(line) {
      percent = percentOf(line) ?? percent
      onProgress(percent, line.replace(/^[IW]: /, ''))
    },
  })
  try {
    await built
  } catch (error) {
    signal.throwIfAborted()
    const said = error instanceof Error ? error.message : String(error)
    throw new Error(
      `The image could not be built of ${image.packages.join(', ')}. On the node, check the names and the sources with "apt-get update" and "apt-cache policy ${image.packages.join(' ')}", and that the disk has room; then install again. (${said})`,
      { cause: error },
    )
  }
  // What the tool copied of this machine is nobody else's business.
  for (const name of ['apt', 'fstab', 'hostname', 'resolv.conf']) await rm(path.join(tree, 'etc', name), { recursive: true, force: true })
  await leaveOut(tree, image)
  for (const name of ['data', 'proc', 'sys', 'dev', 'tmp', 'run', 'etc']) await mkdir(path.join(tree, name), { recursive: true })
  onProgress(80, 'Packing the image')
  const file = path.join(folder, 'layer.tar')
  await run('tar', ['--create', '--sort=name', '--numeric-owner', '--exclude=./dev/*', `--directory=${tree}`, `--file=${file}`, '.'], {
    signal,
  })
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), hash, { signal })
  return { file, digest: `sha256:${hash.digest('hex')}` }
}
