import { subscribe } from 'node:diagnostics_channel'
import { serveNode, type AgentHost } from '../../agent/src/agent.ts'
import { readEnv } from '../../agent/src/env.ts'
import type { RunExit, RunHandle, Runtime } from '../../agent/src/runtime/runtime.ts'

// An agent as a process of its own, on the scripted machine of the test that forked it: so that it can be killed for good.

/** A call of the machine, and its answer. */
export type MachineCall = { id: number; part: 'runtime' | 'network' | 'images' | 'run'; method: string; args: unknown[] }
export type MachineAnswer = { id: number; value?: unknown; error?: string }

const { killAt, bootId, settings } = JSON.parse(process.argv[2] ?? '{}') as {
  /** The agent dies with this step of this server. */
  killAt: { step: string; serverId: string }
  bootId: string
  settings: Record<string, string>
}

subscribe('catalyst:agent:step', (message) => {
  const { step, serverId } = message as { step: string; serverId: string }
  if (step === killAt.step && serverId === killAt.serverId) process.kill(process.pid, 'SIGKILL')
})

const waiting = new Map<number, PromiseWithResolvers<unknown>>()
let lastId = 0

function call<T>(part: MachineCall['part'], method: string, ...args: unknown[]): Promise<T> {
  const id = ++lastId
  const answer = Promise.withResolvers<unknown>()
  waiting.set(id, answer)
  process.send?.({ id, part, method, args } satisfies MachineCall)
  return answer.promise as Promise<T>
}

process.on('message', ({ id, value, error }: MachineAnswer) => {
  const answer = waiting.get(id)
  waiting.delete(id)
  if (error === undefined) answer?.resolve(value)
  else answer?.reject(new Error(error))
})

const handleOf = ({ id, pid }: { id: string; pid: number }): RunHandle => ({
  id,
  pid,
  writeStdin: (bytes) => call('run', 'writeStdin', id, pid, bytes),
  exited: call<RunExit>('run', 'exited', id, pid),
})

const runtime: Runtime = {
  describe: () => call('runtime', 'describe'),
  list: () => call('runtime', 'list'),
  prepare: (spec) => call('runtime', 'prepare', spec),
  start: async (id, options) => handleOf(await call('runtime', 'start', id, options)),
  async recover(id, stdinPath) {
    const run = await call<{ id: string; pid: number } | null>('runtime', 'recover', id, stdinPath)
    return run === null ? null : handleOf(run)
  },
  update: (id, limits) => call('runtime', 'update', id, limits),
  signal: (id, signal) => call('runtime', 'signal', id, signal),
  sample: () => call('runtime', 'sample'),
  collect: (id) => call('runtime', 'collect', id),
  abandon: (id) => call('runtime', 'abandon', id),
  remove: (id) => call('runtime', 'remove', id),
  close: () => Promise.resolve(),
}

const host: AgentHost = {
  runtime,
  network: {
    attach: (id, ports) => call('network', 'attach', id, ports),
    detach: (id) => call('network', 'detach', id),
    reconcile: (known) => call('network', 'reconcile', known),
  },
  images: { ensure: (image) => call('images', 'ensure', image) },
  bootId,
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
await serveNode(readEnv(settings), host, quiet, () => undefined, new AbortController().signal)
