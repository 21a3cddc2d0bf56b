import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { collectGarbage } from '../lib/garbage.ts'
import { buildLayer, type BuildProgress } from './debian-image.ts'
import { readDebianSources } from './debian-sources.ts'

/** An image made of Debian packages, as a template describes it. */
export type DebianImage = { packages: readonly string[]; remove: readonly string[]; keep: readonly string[] }

/** The part of the runtime that keeps images. */
export type ImageKeeper = {
  has(reference: string): Promise<boolean>
  importLayer(reference: string, layerFile: string, digest: string): Promise<void>
  list(): Promise<string[]>
  remove(reference: string): Promise<void>
  /** Releases what imports hold that were cut by a kill. Call it while none is under way. */
  forgetImports(): Promise<void>
}

export type ImageStore = {
  /**
   * The image's reference, after building it when this node has none. Servers that want the same image at the same time
   * share one build, which is given up when the last of them aborts.
   */
  ensure(image: DebianImage, onProgress: BuildProgress, signal: AbortSignal): Promise<string>
  /** Removes every image of our namespace. */
  removeAll(): Promise<void>
}

/** The same packages and paths have the same name on every node. */
export function referenceOf(image: DebianImage): string {
  const content = JSON.stringify([[...image.packages].sort(), [...image.remove].sort(), [...image.keep].sort()])
  return `catalyst/debian:${createHash('sha256').update(content).digest('hex').slice(0, 32)}`
}

type Build = { done: Promise<void>; abort: AbortController; watchers: Set<BuildProgress> }

/** @param folder `images` of the agent's data; what an interrupted build left there is removed first */
export async function createImageStore(keeper: ImageKeeper, folder: string): Promise<ImageStore> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const builds = new Map<string, Build>()
  let forgotten: Promise<void> | null = null

  /** Once, before the first import of this process; the runtime may be away until then. */
  function forgetImports(): Promise<void> {
    forgotten ??= keeper.forgetImports().catch((error: unknown) => {
      forgotten = null
      throw error
    })
    return forgotten
  }

  async function build(image: DebianImage, reference: string, onProgress: BuildProgress, signal: AbortSignal): Promise<void> {
    const workshop = path.join(folder, randomUUID())
    await mkdir(workshop, { mode: 0o711 })
    try {
      const { file, digest } = await buildLayer(image, await readDebianSources(), workshop, onProgress, signal)
      onProgress(90, 'Storing the image')
      await forgetImports()
      await keeper.importLayer(reference, file, digest)
      onProgress(100, 'The image is ready')
    } finally {
      await rm(workshop, { recursive: true, force: true })
      // As large as the image is what its import has read; the engine would keep that until it needs the room.
      collectGarbage()
    }
  }

  function startBuild(image: DebianImage, reference: string): Build {
    const abort = new AbortController()
    const watchers = new Set<BuildProgress>()
    const tell: BuildProgress = (percent, text) => {
      for (const watcher of watchers) watcher(percent, text)
    }
    const done = build(image, reference, tell, abort.signal).finally(() => builds.delete(reference))
    done.catch(() => undefined)
    const started = { done, abort, watchers }
    builds.set(reference, started)
    return started
  }

  return {
    async ensure(image, onProgress, signal) {
      const reference = referenceOf(image)
      signal.throwIfAborted()
      if (await keeper.has(reference)) return reference
      const running = builds.get(reference) ?? startBuild(image, reference)
      running.watchers.add(onProgress)
      const aborted = Promise.withResolvers<never>()
      const leave = () => {
        running.watchers.delete(onProgress)
        if (running.watchers.size === 0) running.abort.abort(signal.reason)
        aborted.reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      try {
        await Promise.race([running.done, aborted.promise])
        return reference
      } finally {
        signal.removeEventListener('abort', leave)
        running.watchers.delete(onProgress)
      }
    },
    async removeAll() {
      for (const reference of await keeper.list()) await keeper.remove(reference)
    },
  }
}
