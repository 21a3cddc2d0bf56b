import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { hasStatus, orNull, reaching, underLease, unlessExists, type ContainerdClient } from './client.ts'
import { WriteAction, type WriteContentRequest } from './generated/github.com/containerd/containerd/api/services/content/v1/content.ts'
import { SNAPSHOTTER } from './snapshots.ts'
import { Status } from 'nice-grpc'

const CHUNK_BYTES = 2 ** 20
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
/** Label of an image that names the snapshot its unpacked layers end in. */
const CHAIN_LABEL = 'catalyst/chain-id'
/** A lease that a killed agent left behind is released by the next import, and ends by itself at the latest. */
const LEASE_MS = 3_600_000
const LEASE_PREFIX = 'catalyst-import-'

/** Images of one layer in our containerd namespace. */
export type ImageImporter = {
  has(reference: string): Promise<boolean>
  /** Snapshot to start from; throws when the image is not there. */
  chainIdOf(reference: string): Promise<string>
  /** Stores, unpacks and names a layer; `diffId` is the digest of the tar file. Repeating it is harmless. */
  importLayer(reference: string, layerFile: string, diffId: string): Promise<void>
  list(): Promise<string[]>
  remove(reference: string): Promise<void>
  /** Releases what imports hold that were cut by a kill. Call it while none is under way. */
  forgetImports(): Promise<void>
}

type Descriptor = { mediaType: string; digest: string; size: number }

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export function createImageImporter(client: ContainerdClient): ImageImporter {
  const imageOf = async (reference: string) => (await orNull(client.images.get({ name: reference })))?.image

  async function writeBlob(
    lease: string,
    ref: string,
    descriptor: Descriptor,
    labels: Record<string, string>,
    chunks: AsyncIterable<Buffer>,
  ): Promise<void> {
    async function* requests(): AsyncGenerator<Partial<WriteContentRequest>> {
      let offset = 0n
      const common = { ref, total: BigInt(descriptor.size), expected: descriptor.digest }
      for await (const data of chunks) {
        yield { ...common, action: WriteAction.WRITE, offset, data }
        offset += BigInt(data.length)
      }
      yield { ...common, action: WriteAction.COMMIT, offset, labels }
    }
    try {
      for await (const { action } of client.content.write(requests(), underLease(client.namespace, lease)))
        if (action === WriteAction.COMMIT) break
    } catch (error) {
      if (!hasStatus(error, Status.ALREADY_EXISTS)) throw error
    }
  }

  async function* once(bytes: Buffer) {
    yield bytes
  }

  async function writeJson(lease: string, mediaType: string, value: object, labels: Record<string, string>): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(value))
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    await writeBlob(lease, `catalyst-${descriptor.digest}`, descriptor, labels, once(bytes))
    return descriptor
  }

  async function unpack(lease: string, layer: Descriptor, diffId: string): Promise<void> {
    const options = underLease(client.namespace, lease)
    const committed = await orNull(client.snapshots.stat({ snapshotter: SNAPSHOTTER, key: diffId }))
    if (committed !== null) return
    const key = `extract-${randomUUID()} ${diffId}`
    const { mounts } = await reaching(client.snapshots.prepare({ snapshotter: SNAPSHOTTER, key, parent: '', labels: {} }, options))
    // Unpacking a large image takes its time: an abort signal of its own lifts the limit of ordinary calls.
    const applied = await reaching(
      client.diff.apply(
        { diff: { ...layer, size: BigInt(layer.size), annotations: {} }, mounts, payloads: {} },
        { ...options, signal: new AbortController().signal },
      ),
    )
    if (applied.applied?.digest !== diffId)
      throw new Error(`the unpacked layer is ${applied.applied?.digest ?? 'unknown'} and not ${diffId}`)
    await unlessExists(client.snapshots.commit({ snapshotter: SNAPSHOTTER, key, name: diffId, labels: {} }, options))
  }

  return {
    async has(reference) {
      const chainId = (await imageOf(reference))?.labels[CHAIN_LABEL]
      return chainId !== undefined && (await orNull(client.snapshots.stat({ snapshotter: SNAPSHOTTER, key: chainId }))) !== null
    },

    async chainIdOf(reference) {
      const chainId = (await imageOf(reference))?.labels[CHAIN_LABEL]
      if (chainId === undefined) throw new Error(`The image ${reference} is not on this node.`)
      return chainId
    },

    async importLayer(reference, layerFile, diffId) {
      const expires = new Date(Date.now() + LEASE_MS).toISOString()
      const { lease } = await reaching(
        client.leases.create({ id: `${LEASE_PREFIX}${randomUUID()}`, labels: { 'containerd.io/gc.expire': expires } }),
      )
      const id = lease?.id ?? ''
      try {
        const layer = { mediaType: LAYER_TYPE, digest: diffId, size: (await stat(layerFile)).size }
        await writeBlob(id, `catalyst-${diffId}`, layer, {}, createReadStream(layerFile, { highWaterMark: CHUNK_BYTES }))
        await unpack(id, layer, diffId)
        const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
        // The labels hold what belongs together: without them the collector takes layer and snapshot.
        const config = await writeJson(
          id,
          CONFIG_TYPE,
          { architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } },
          { [`containerd.io/gc.ref.snapshot.${SNAPSHOTTER}`]: diffId },
        )
        const manifest = await writeJson(
          id,
          MANIFEST_TYPE,
          { schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [layer] },
          { 'containerd.io/gc.ref.content.config': config.digest, 'containerd.io/gc.ref.content.l.0': diffId },
        )
        const image = {
          name: reference,
          labels: { [CHAIN_LABEL]: diffId },
          target: { ...manifest, size: BigInt(manifest.size), annotations: {} },
        }
        if (!(await unlessExists(client.images.create({ image })))) await reaching(client.images.update({ image }))
      } finally {
        await orNull(client.leases.delete({ id, sync: false }))
      }
    },

    async forgetImports() {
      const { leases } = await reaching(client.leases.list({ filters: [] }))
      // Synchronous: what they held is collected when it returns.
      for (const { id } of leases) if (id.startsWith(LEASE_PREFIX)) await orNull(client.leases.delete({ id, sync: true }))
    },

    async list() {
      const { images } = await reaching(client.images.list({ filters: [] }))
      return images.map((image) => image.name)
    },

    async remove(reference) {
      // Synchronous: the disk is free when it returns.
      await orNull(client.images.delete({ name: reference, sync: true }))
    },
  }
}
