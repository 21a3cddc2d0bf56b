import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** Where runc keeps what it knows of containers, a folder for each namespace: containerd's default. */
const RUNC_ROOT = '/run/containerd/runc'

/** Whether runc has a container of this name. When containerd has no task of that name it is an orphan. */
export const hasRuncContainer = (namespace: string, id: string): boolean => existsSync(path.join(RUNC_ROOT, namespace, id))

async function shimsOf(namespace: string, id: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [program = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
      const isOurs = args[args.indexOf('-namespace') + 1] === namespace && args[args.indexOf('-id') + 1] === id
      return path.basename(program).startsWith('containerd-shim') && isOurs ? [Number(pid)] : []
    }),
  )
  return found.flat()
}

/**
 * Removes the folder in which containerd was about to make a task when it was killed: it neither uses nor removes it, and
 * refuses to make the task again. Only for a workload that has no task and of which none is being made.
 * @param refusal what containerd said
 * @returns false when the refusal speaks of something else
 */
export async function removeBundle(namespace: string, id: string, refusal: string): Promise<boolean> {
  const bundle = /mkdir (\/.+): file exists$/.exec(refusal)?.[1]
  if (bundle?.endsWith(path.join('/io.containerd.runtime.v2.task', namespace, id)) !== true) return false
  // It may be mounted already.
  await promisify(execFile)('umount', ['--lazy', path.join(bundle, 'rootfs')]).catch(() => undefined)
  await rm(bundle, { recursive: true, force: true })
  return true
}

/**
 * Ends what is left of a task that containerd does not know any more. Killed while it makes one, it may forget it after its
 * restart, and leave the process, the shim and what runc knows, which refuses every later start. Only for a workload
 * that has no task and of which none is being made.
 * @throws when runc cannot end the process
 */
export async function reapOrphan(namespace: string, id: string): Promise<void> {
  if (hasRuncContainer(namespace, id)) {
    const root = path.join(RUNC_ROOT, namespace)
    try {
      await promisify(execFile)('runc', ['--root', root, 'delete', '--force', id])
    } catch (error) {
      // Cut off before there was a container: there is nothing to end.
      if (existsSync(path.join(root, id, 'state.json'))) throw error
    }
    await rm(path.join(root, id), { recursive: true, force: true })
  }
  for (const pid of await shimsOf(namespace, id)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It went with its process.
    }
  }
}

/** Removes runc's folder of a namespace, which containerd leaves; one that still has a container is kept. */
export async function forgetNamespace(namespace: string): Promise<void> {
  try {
    await rmdir(path.join(RUNC_ROOT, namespace))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error
  }
}
