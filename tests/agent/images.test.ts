import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createImageStore, referenceOf, type DebianImage } from '../../agent/src/images/image-store.ts'
import { connectContainerd, underLease } from '../../agent/src/runtime/containerd/client.ts'
import { SNAPSHOTTER } from '../../agent/src/runtime/containerd/snapshots.ts'
import { startContainerd, whyNoContainerd, type TestContainerd } from '../support/containerd.ts'
import { BUSYBOX, createTestNode, type TestNode } from '../support/test-node.ts'

const reason = whyNoContainerd()
const NAMESPACE = `catalyst-images-${String(process.pid)}`
const never = () => new AbortController().signal

describe.skipIf(reason !== null)(`images of Debian packages${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let containerd: TestContainerd
  let node: TestNode
  let folder: string

  beforeAll(async () => {
    containerd = await startContainerd()
    node = await createTestNode(containerd, NAMESPACE)
    folder = path.join(containerd.folder, NAMESPACE, 'images')
  })
  afterAll(async () => {
    await node.dispose()
    await containerd.dispose()
  })

  it('builds once for all who ask, tells progress, and knows it afterwards', async () => {
    const told: number[] = []
    const lines: string[] = []
    const references = await Promise.all([
      node.images.ensure(
        BUSYBOX,
        (percent, text) => {
          told.push(percent)
          lines.push(text)
        },
        never(),
      ),
      node.images.ensure({ ...BUSYBOX, remove: [...BUSYBOX.remove].reverse() }, () => undefined, never()),
    ])
    expect(new Set(references)).toEqual(new Set([referenceOf(BUSYBOX)]))
    expect(await node.importer.list()).toEqual([referenceOf(BUSYBOX)])
    expect(told).toEqual([...told].sort((a, b) => a - b))
    expect(told.at(-1)).toBe(100)
    expect(lines.filter((line) => line.startsWith('Building an image'))).toHaveLength(1)
    expect(readdirSync(folder)).toEqual([])

    await node.images.ensure(BUSYBOX, () => expect.unreachable('nothing is built again'), never())
  })

  it('survives garbage collection, and goes as a whole when removed', async () => {
    const reference = await node.images.ensure(BUSYBOX, () => undefined, never())
    const other: DebianImage = { ...BUSYBOX, keep: ['/usr/share/doc/busybox-static/copyright'] }
    const second = await node.images.ensure(other, () => undefined, never())
    // Removing an image collects synchronously whatever nothing refers to.
    await node.importer.remove(second)
    expect(await node.importer.has(second)).toBe(false)
    expect(await node.importer.has(reference)).toBe(true)
    expect(await node.importer.chainIdOf(reference)).toMatch(/^sha256:/)
  })

  it('gives up when the last who wants it has gone, and leaves nothing behind', async () => {
    const image: DebianImage = { ...BUSYBOX, keep: ['/nothing'] }
    const [first, second] = [new AbortController(), new AbortController()]
    const started = Promise.withResolvers<undefined>()
    const builds = [first, second].map(({ signal }) =>
      node.images.ensure(
        image,
        () => {
          started.resolve(undefined)
        },
        signal,
      ),
    )
    const settled = Promise.allSettled(builds)
    await started.promise
    first.abort(new Error('first left'))
    await expect(builds[0]).rejects.toThrow('first left')
    second.abort(new Error('second left'))
    expect((await settled).map((result) => result.status)).toEqual(['rejected', 'rejected'])
    await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toEqual([])
    expect(await node.importer.has(referenceOf(image))).toBe(false)
    // And it can be wanted again.
    await node.images.ensure(image, () => undefined, never())
  })

  it('says which package does not exist and what to do', async () => {
    const build = node.images.ensure({ packages: ['no-such-package-of-debian'], remove: [], keep: [] }, () => undefined, never())
    await expect(build).rejects.toThrow(/no-such-package-of-debian/)
    expect(readdirSync(folder)).toEqual([])
  })

  it('lets go of what an import holds that was cut', async () => {
    const client = connectContainerd(containerd.socket, NAMESPACE)
    try {
      const left = 'catalyst-import-left'
      await client.leases.create({ id: left, labels: {} })
      const key = 'extract-left'
      await client.snapshots.prepare({ snapshotter: SNAPSHOTTER, key, parent: '', labels: {} }, underLease(NAMESPACE, left))
      // Another life of the agent.
      const store = await createImageStore(node.importer, path.join(containerd.folder, 'again'))
      await store.ensure({ ...BUSYBOX, keep: ['/again'] }, () => undefined, never())
      expect((await client.leases.list({ filters: [] })).leases).toEqual([])
      await expect(client.snapshots.stat({ snapshotter: SNAPSHOTTER, key })).rejects.toThrow('does not exist')
    } finally {
      client.close()
    }
  })

  it('clears what a killed agent left half-built', async () => {
    const place = path.join(containerd.folder, 'left')
    mkdirSync(path.join(place, 'half', 'tree'), { recursive: true })
    writeFileSync(path.join(place, 'half', 'tree', 'file'), '')
    await createImageStore(node.importer, place)
    expect(existsSync(path.join(place, 'half'))).toBe(false)
  })
})
