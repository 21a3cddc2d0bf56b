import { chownSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { createImageStore, type DebianImage, type ImageStore } from '../../agent/src/images/image-store.ts'
import { detectCgroupHost, removeGroups } from '../../agent/src/runtime/containerd/cgroup.ts'
import { connectContainerd } from '../../agent/src/runtime/containerd/client.ts'
import { createContainerdRuntime } from '../../agent/src/runtime/containerd/containerd-runtime.ts'
import { createImageImporter, type ImageImporter } from '../../agent/src/runtime/containerd/image-import.ts'
import { forgetNamespace } from '../../agent/src/runtime/containerd/orphan.ts'
import type { Runtime, WorkloadSpec } from '../../agent/src/runtime/runtime.ts'
import type { TestContainerd } from './containerd.ts'

/** Runtime and images of one namespace in a test's containerd: what an agent has, without the agent. */
export type TestNode = {
  runtime: Runtime
  images: ImageStore
  importer: ImageImporter
  /** A shell script as a game: id, script and what differs from the usual. */
  shell(id: string, script: string, more?: Partial<WorkloadSpec>): Promise<WorkloadSpec>
  /** A second agent in the same namespace. */
  reopen(): Runtime
  /** Removes everything of the namespace. */
  dispose(): Promise<void>
}

export const BUSYBOX: DebianImage = { packages: ['busybox-static'], remove: ['/etc', '/usr/share', '/var'], keep: [] }

export async function createTestNode(containerd: TestContainerd, namespace: string): Promise<TestNode> {
  const client = connectContainerd(containerd.socket, namespace)
  const importer = createImageImporter(client)
  const open = () => createContainerdRuntime({ socket: containerd.socket, namespace, chainIdOf: importer.chainIdOf })
  const runtime = open()
  const others: Runtime[] = []
  await runtime.describe()
  const images = await createImageStore(importer, path.join(containerd.folder, namespace, 'images'))

  return {
    runtime,
    images,
    importer,
    async shell(id, script, more = {}) {
      const image = await images.ensure(BUSYBOX, () => undefined, AbortSignal.timeout(120_000))
      const data = path.join(containerd.folder, namespace, id)
      mkdirSync(data, { recursive: true, mode: 0o700 })
      chownSync(data, 200_007, 200_007)
      return {
        id,
        image,
        args: ['/bin/busybox', 'sh', '-c', script],
        env: { PATH: '/bin' },
        workingDirectory: '/data',
        user: { uid: 200_007, gid: 200_007 },
        hostname: 'test',
        mounts: [{ source: data, target: '/data', readOnly: false }],
        limits: { memoryMiB: 64, cpuPercent: 100, cpuset: '', pids: 32 },
        readOnlyRoot: true,
        networkNamespace: null,
        labels: { kind: 'test' },
        ...more,
      }
    },
    reopen() {
      const other = open()
      others.push(other)
      return other
    },
    async dispose() {
      for (const { id } of await runtime.list()) await runtime.remove(id)
      await images.removeAll()
      await Promise.all([runtime, ...others].map((one) => one.close()))
      client.close()
      await removeGroups(detectCgroupHost(), namespace)
      await forgetNamespace(namespace)
    },
  }
}
