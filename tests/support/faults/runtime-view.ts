import { readFileSync } from 'node:fs'
import { connectContainerd } from '../../../agent/src/runtime/containerd/client.ts'
import { createContainerdRuntime } from '../../../agent/src/runtime/containerd/containerd-runtime.ts'
import { SNAPSHOTTER } from '../../../agent/src/runtime/containerd/snapshots.ts'

/** What containerd itself says of a namespace. */
export type RuntimeView = {
  /** Process id of each workload that runs; null of one that does not. Throws while containerd does not answer. */
  workloads(): Promise<Map<string, number | null>>
  /** Snapshots and leases by name. */
  snapshots(): Promise<string[]>
  leases(): Promise<string[]>
  close(): Promise<void>
}

export function openRuntimeView(socket: string, namespace: string): RuntimeView {
  const client = connectContainerd(socket, namespace)
  const runtime = createContainerdRuntime({ socket, namespace, chainIdOf: (image) => Promise.reject(new Error(image)) })
  return {
    async workloads() {
      return new Map((await runtime.list()).map(({ id, run }) => [id, run.state === 'running' ? run.pid : null]))
    },
    async snapshots() {
      const names: string[] = []
      for await (const { info } of client.snapshots.list({ snapshotter: SNAPSHOTTER, filters: [] }))
        names.push(...info.map(({ name }) => name))
      return names
    },
    async leases() {
      return (await client.leases.list({ filters: [] })).leases.map(({ id }) => id)
    },
    async close() {
      await runtime.close()
      client.close()
    },
  }
}

/** Process id with start time: the same pair is the same process. */
export function identityOf(pid: number): string {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    .split(') ')[1]
    ?.split(' ')
  return `${String(pid)} ${fields?.[19] ?? ''}`
}
