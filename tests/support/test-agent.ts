import { serveNode, type AgentHost } from '../../agent/src/agent.ts'
import { readEnv } from '../../agent/src/env.ts'
import { PortInUseError } from '../../agent/src/network/port-check.ts'
import { createFakeRuntime, type FakeRuntime } from '../../agent/src/runtime/fake/fake-runtime.ts'
import type { Runtime } from '../../agent/src/runtime/runtime.ts'

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

/** One scripted machine; agents on it come and go. */
export type TestAgentHost = {
  runtime: FakeRuntime
  start(): RunningAgent
  /** Servers with a network. */
  attached(): string[]
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
      images: {
        ensure: (_image, onProgress) =>
          through('ensure', () => {
            onProgress(50, 'Unpacking')
            return Promise.resolve('image')
          }),
      },
    }
  }

  return {
    runtime,
    start() {
      const env = readEnv({
        CATALYST_AGENT_API_URL: url(),
        CATALYST_AGENT_ENROLMENT_TOKEN: token,
        CATALYST_DATA_DIR: folder,
        LOG_LEVEL: 'fatal',
      })
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
