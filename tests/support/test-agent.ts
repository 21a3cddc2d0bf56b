import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { serveNode, type AgentHost } from '../../agent/src/agent.ts'
import { readEnv } from '../../agent/src/env.ts'
import { PortInUseError } from '../../agent/src/network/port-check.ts'
import { createFakeRuntime, type FakeRuntime } from '../../agent/src/runtime/fake/fake-runtime.ts'
import type { RunHandle, Runtime } from '../../agent/src/runtime/runtime.ts'
import type { MachineAnswer, MachineCall } from './agent-process.ts'

/** What an agent waits for when it is held: a call of its machine. */
export type Step = 'ensure' | 'attach' | 'prepare' | 'start' | 'collect' | 'detach' | 'writeStdin'

/** A call that waits: `reached` when it was made, `open` lets it go on. */
export type Gate = { reached: Promise<void>; open(): void }

export type RunningAgent = {
  /** The first session is in step with the api. */
  ready: Promise<void>
  /** Ends it where it stands; calls that it made and that are held never come back. */
  kill(): Promise<void>
}

/** An agent that is a process of its own. */
export type AgentProcess = {
  /** Resolves with the signal that ended it. */
  ended: Promise<NodeJS.Signals | null>
  kill(): Promise<void>
}

/** One scripted machine; agents on it come and go. */
export type TestAgentHost = {
  runtime: FakeRuntime
  start(): RunningAgent
  /** Starts an agent as a process of its own, which dies by SIGKILL at this step of this server. */
  startKilledAt(step: string, serverId: string): AgentProcess
  /** Servers with a network. */
  attached(): string[]
  /** The machine is started anew: no process, no network and no trace of a run is left. Agents on it have to be ended before. */
  reboot(): void
  /** Whether a program of the host has the ports. */
  refusePorts(isRefused: boolean): void
  /** Holds the next call of this kind, before or after it has had its effect. */
  holdNext(step: Step, when?: 'before' | 'after'): Gate
}

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined }

export function createTestAgent({ folder, url, token }: { folder: string; url: () => string; token: string }): TestAgentHost {
  const runtime = createFakeRuntime(() => new Date())
  const attached = new Set<string>()
  let arePortsRefused = false
  let boot = 1
  const held = new Map<string, { reach: () => void; opened: Promise<void> }>()

  async function through<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const wait = async (when: 'before' | 'after') => {
      const gate = held.get(`${step} ${when}`)
      if (gate === undefined) return
      held.delete(`${step} ${when}`)
      gate.reach()
      await gate.opened
    }
    await wait('before')
    const result = await work()
    await wait('after')
    return result
  }

  function heldRuntime(): Runtime {
    const inner = runtime.reopen()
    return {
      ...inner,
      prepare: (spec) => through('prepare', () => inner.prepare(spec)),
      collect: (id) => through('collect', () => inner.collect(id)),
      async start(id, options) {
        const run = await through('start', () => inner.start(id, options))
        return { ...run, writeStdin: (bytes) => through('writeStdin', () => run.writeStdin(bytes)) }
      },
    }
  }

  function hostOf(): AgentHost {
    return {
      runtime: heldRuntime(),
      network: {
        attach: (id) =>
          through('attach', () => {
            if (arePortsRefused) return Promise.reject(new PortInUseError('127.0.0.1', 25_500, 'udp'))
            attached.add(id)
            return Promise.resolve({ namespacePath: `/run/netns/${id}`, address: '10.0.0.2' })
          }),
        detach: (id) =>
          through('detach', () => {
            attached.delete(id)
            return Promise.resolve()
          }),
        reconcile(known) {
          for (const id of attached) if (!known.has(id)) attached.delete(id)
          return Promise.resolve()
        },
      },
      bootId: `boot-${String(boot)}`,
      images: {
        ensure: (_image, onProgress) =>
          through('ensure', () => {
            onProgress(50, 'Unpacking')
            return Promise.resolve('image')
          }),
      },
    }
  }

  const settings = () => ({
    CATALYST_AGENT_API_URL: url(),
    CATALYST_AGENT_ENROLMENT_TOKEN: token,
    CATALYST_DATA_DIR: folder,
    LOG_LEVEL: 'fatal',
  })

  /** Gives one process the machine: what it calls is done here, and answered while it lives. */
  function serveMachine(answer: (message: MachineAnswer) => void): (message: MachineCall) => Promise<void> {
    const machine = hostOf()
    const runs = new Map<number, RunHandle>()
    const note = (run: RunHandle | null) => {
      if (run === null) return null
      runs.set(run.pid, run)
      return { id: run.id, pid: run.pid }
    }
    async function work({ part, method, args }: MachineCall): Promise<unknown> {
      if (part === 'run') {
        const run = runs.get(args[1] as number)
        return method === 'exited' ? run?.exited : run?.writeStdin(Buffer.from(args[2] as Uint8Array))
      }
      if (part === 'images') return machine.images.ensure(args[0] as never, () => undefined, new AbortController().signal)
      const parts = { runtime: machine.runtime, network: machine.network } as unknown as Record<string, Record<string, unknown>>
      const result = await (parts[part]?.[method] as (...values: unknown[]) => Promise<unknown>)(...args)
      return method === 'start' || method === 'recover' ? note(result as RunHandle | null) : result
    }
    return async (message) => {
      try {
        answer({ id: message.id, value: await work(message) })
      } catch (error) {
        answer({ id: message.id, error: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  return {
    runtime,
    startKilledAt(step, serverId) {
      const options = JSON.stringify({ killAt: { step, serverId }, bootId: hostOf().bootId, settings: settings() })
      const child = fork(path.join(import.meta.dirname, 'agent-process.ts'), [options], { execArgv: [], serialization: 'advanced' })
      const serve = serveMachine((message) => {
        if (child.connected) child.send(message, () => undefined)
      })
      child.on('message', (message) => void serve(message as MachineCall))
      const ended = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null)
      return {
        ended,
        async kill() {
          child.kill('SIGKILL')
          await ended
        },
      }
    },
    start() {
      const env = readEnv(settings())
      const abort = new AbortController()
      const ready = Promise.withResolvers<void>()
      const done = serveNode(env, hostOf(), QUIET, ready.resolve, abort.signal)
      done.catch(ready.reject)
      return {
        ready: ready.promise,
        async kill() {
          abort.abort()
          await done
        },
      }
    },
    reboot() {
      boot += 1
      attached.clear()
      runtime.wipe()
    },
    attached: () => [...attached],
    refusePorts(isRefused) {
      arePortsRefused = isRefused
    },
    holdNext(step, when = 'before') {
      const reached = Promise.withResolvers<void>()
      const opened = Promise.withResolvers<void>()
      held.set(`${step} ${when}`, { reach: reached.resolve, opened: opened.promise })
      return { reached: reached.promise, open: opened.resolve }
    },
  }
}
