import { rm } from 'node:fs/promises'
import { installIdOf } from '../installations/installation.ts'
import { passStep } from '../lib/steps.ts'
import { failed, type RunnerCore } from './runner-core.ts'

/** What has to come to rest before a server can be taken away. */
export type Removable = {
  /** Gives up what is under way. */
  abort(reason: string): void
  /** Resolves when nothing is being made any more. */
  settled(): Promise<unknown>
  /** Nothing of it is looked after any more. */
  leave(): void
}

/** Takes away everything of a server: processes, containers, networks, files. Each step can be repeated after a kill. */
export async function removeServer(core: RunnerCore, server: Removable): Promise<void> {
  const { id, folders } = core
  const { runtime, network } = core.deps
  const workloads = [id, installIdOf(id)]
  passStep('remove:begun', id)
  server.abort('The server was deleted.')
  // What they make must not appear behind the removal.
  await server.settled()
  await core.retry(async () => {
    for (const workload of workloads) await runtime.remove(workload)
  })
  if (core.isClosed()) return
  passStep('remove:container', id)
  await core.retry(async () => {
    for (const workload of workloads) await network.detach(workload)
  })
  if (core.isClosed()) return
  passStep('remove:network', id)
  server.leave()
  await core.retry(() => rm(folders.root, { recursive: true, force: true }))
  if (core.isClosed()) return
  passStep('remove:files', id)
  const open = [...core.waiting.kill.splice(0), ...core.waiting.restart.splice(0)]
  core.report(
    { isRemoved: true, state: 'STOPPED' },
    { results: open.map((command) => failed(command, 'REMOVED', 'The server was deleted.')) },
  )
  passStep('remove:stored', id)
}
