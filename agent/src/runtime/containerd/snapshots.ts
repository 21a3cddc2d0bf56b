import type { ContainerdClient } from './client.ts'
import { orNull, reaching, unlessExists } from './client.ts'
import type { Mount } from './generated/github.com/containerd/containerd/api/types/mount.ts'

export const SNAPSHOTTER = 'overlayfs'

/** Where the writable layer of a workload is; null when it has none. */
export async function snapshotMounts(client: ContainerdClient, id: string): Promise<Mount[] | null> {
  return (await orNull(client.snapshots.mounts({ snapshotter: SNAPSHOTTER, key: id })))?.mounts ?? null
}

/** The writable layer of a workload, made of its image when it is missing. */
export async function ensureSnapshot(client: ContainerdClient, id: string, chainId: string): Promise<Mount[]> {
  const existing = await snapshotMounts(client, id)
  if (existing !== null) return existing
  await unlessExists(client.snapshots.prepare({ snapshotter: SNAPSHOTTER, key: id, parent: chainId, labels: {} }))
  return (await reaching(client.snapshots.mounts({ snapshotter: SNAPSHOTTER, key: id }))).mounts
}

export async function removeSnapshot(client: ContainerdClient, id: string): Promise<void> {
  await orNull(client.snapshots.remove({ snapshotter: SNAPSHOTTER, key: id }))
}
