import { appendFileSync, closeSync, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { WorkloadNotFoundError, StdinClosedError } from '../runtime-errors.ts'
import type {
  PosixSignal,
  RunExit,
  RunHandle,
  Runtime,
  RunSample,
  StartOptions,
  WorkloadLimits,
  WorkloadSpec,
  WorkloadStatus,
} from '../runtime.ts'

/** What a fake game does. Everything is optional: without a script it runs until it gets SIGTERM or SIGKILL. */
export type FakeScript = {
  /** Written to the log as soon as the run starts. */
  output?: string
  /** Files that it writes below `/data` as soon as it starts, by name. */
  writes?: Record<string, string>
  /** Ends by itself right after its start, with this code. */
  exitsWith?: number
  /** Writes what it reads on standard input to the log, as `echo <line>`. */
  echoesStdin?: boolean
  /** The line on standard input that ends it with code 0. */
  quitsOn?: string
  /** SIGTERM and the quit line do nothing; only SIGKILL ends it. */
  hangsOnStop?: boolean
  /** A change of limits fails with this. */
  refusesLimits?: Error
  /** `start` fails with this. */
  failsToStart?: Error
}

/** A runtime without containers: runs are scripts, output goes to the real log file. */
export type FakeRuntime = Runtime & {
  /** What runs of this workload do from the next start on. */
  script(id: string, script: FakeScript): void
  /** Writes to the log of the live run, as the game would. */
  emit(id: string, text: string): void
  /** Ends the live run. */
  exit(id: string, exit: Partial<RunExit>): void
  /** The machine and with it the runtime's state is gone: containers stay, runs leave no trace and tell nobody. */
  wipe(): void
  /** The newest specification of a workload; undefined when it has none. */
  specOf(id: string): WorkloadSpec | undefined
  /** Limits of the live run. */
  limitsOf(id: string): WorkloadLimits | undefined
  /** Every call that changes something, in order, such as `start a`. */
  readonly calls: readonly string[]
  /** A second agent on the same node: sees the same workloads, has no handles of its own. */
  reopen(): Runtime
}

type Run = { pid: number; logPath: string; handle: RunHandle; end: (exit: RunExit) => void; exit: RunExit | null }
/** `limits` are those of the live run: a new one begins with the specification's. */
type Workload = { spec: WorkloadSpec; run: Run | null; limits: WorkloadLimits }

const FIRST_PID = 1_000_000

/** @param now clock of the exits */
export function createFakeRuntime(now: () => Date): FakeRuntime {
  const workloads = new Map<string, Workload>()
  const scripts = new Map<string, FakeScript>()
  const calls: string[] = []
  let nextPid = FIRST_PID

  const liveRun = (id: string): Run | null => {
    const run = workloads.get(id)?.run ?? null
    return run?.exit === null ? run : null
  }

  function end(id: string, exit: RunExit): void {
    const run = liveRun(id)
    if (run === null) return
    run.exit = exit
    run.end(exit)
  }

  const exitOf = (code: number | null): RunExit => ({ code, outOfMemory: false, at: now() })

  function writeStdin(id: string, run: Run, bytes: Uint8Array): Promise<void> {
    if (run.exit !== null) return Promise.reject(new StdinClosedError('The game has ended.'))
    const script = scripts.get(id) ?? {}
    const lines = Buffer.from(bytes)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
    for (const line of lines) {
      if (script.echoesStdin === true) appendFileSync(run.logPath, `echo ${line}\n`)
      if (line === script.quitsOn && script.hangsOnStop !== true) end(id, exitOf(0))
    }
    return Promise.resolve()
  }

  function start(id: string, { logPath }: StartOptions): Promise<RunHandle> {
    calls.push(`start ${id}`)
    const workload = workloads.get(id)
    if (workload === undefined) return Promise.reject(new WorkloadNotFoundError(`no container ${id}`))
    const live = liveRun(id)
    if (live !== null) return Promise.resolve(live.handle)
    const script = scripts.get(id) ?? {}
    if (script.failsToStart !== undefined) return Promise.reject(script.failsToStart)
    // Like the shim, which appends to a file that has to be there.
    closeSync(openSync(logPath, 'a'))
    const ended = Promise.withResolvers<RunExit>()
    const pid = nextPid++
    const run: Run = {
      pid,
      logPath,
      end: ended.resolve,
      exit: null,
      handle: { id, pid, exited: ended.promise, writeStdin: (bytes) => writeStdin(id, run, bytes) },
    }
    workload.run = run
    workload.limits = workload.spec.limits
    const data = workload.spec.mounts.find(({ target }) => target === '/data')?.source
    for (const [name, text] of Object.entries(script.writes ?? {})) if (data !== undefined) writeFileSync(path.join(data, name), text)
    if (script.output !== undefined) appendFileSync(logPath, script.output)
    const { exitsWith } = script
    if (exitsWith !== undefined)
      setImmediate(() => {
        end(id, exitOf(exitsWith))
      })
    return Promise.resolve(run.handle)
  }

  function signal(id: string, name: PosixSignal): Promise<void> {
    calls.push(`signal ${id} ${name}`)
    if (name === 'SIGKILL') end(id, exitOf(137))
    else if ((name === 'SIGTERM' || name === 'SIGINT') && scripts.get(id)?.hangsOnStop !== true)
      end(id, exitOf(name === 'SIGTERM' ? 143 : 130))
    return Promise.resolve()
  }

  function collect(id: string): Promise<RunExit | null> {
    const workload = workloads.get(id)
    const exit = workload?.run?.exit ?? null
    if (workload !== undefined && exit !== null) workload.run = null
    return Promise.resolve(exit)
  }

  function statusOf([id, { spec, run }]: [string, Workload]): WorkloadStatus {
    if (run === null) return { id, labels: spec.labels, run: { state: 'none' } }
    return { id, labels: spec.labels, run: run.exit === null ? { state: 'running', pid: run.pid } : { state: 'exited', exit: run.exit } }
  }

  function sampleOf([id, { limits, run }]: [string, Workload]): RunSample[] {
    if (run?.exit !== null) return []
    const memoryLimitBytes = limits.memoryMiB * 2 ** 20
    return [
      {
        id,
        pid: run.pid,
        cpuNanoseconds: 0n,
        memoryBytes: memoryLimitBytes / 2,
        memoryLimitBytes,
        processCount: 1,
        networkRxBytes: 0,
        networkTxBytes: 0,
        diskReadBytes: 0,
        diskWriteBytes: 0,
      },
    ]
  }

  const runtime: Runtime = {
    describe: () => Promise.resolve({ name: 'fake', version: '1', cgroupVersion: 2 }),
    list: () => Promise.resolve([...workloads].map(statusOf)),
    prepare(spec) {
      calls.push(`prepare ${spec.id}`)
      const old = workloads.get(spec.id)
      const isSame = old !== undefined && JSON.stringify(old.spec) === JSON.stringify(spec)
      if (!isSame) {
        end(spec.id, exitOf(137))
        workloads.set(spec.id, { spec, run: null, limits: spec.limits })
      }
      return Promise.resolve()
    },
    start,
    recover: (id) => Promise.resolve(liveRun(id)?.handle ?? null),
    update(id: string, limits: WorkloadLimits) {
      calls.push(`update ${id}`)
      const workload = workloads.get(id)
      // Like the real one: limits are those of a live run.
      if (workload === undefined || liveRun(id) === null) return Promise.reject(new WorkloadNotFoundError(`no live run of ${id}`))
      const refusal = scripts.get(id)?.refusesLimits
      if (refusal !== undefined) return Promise.reject(refusal)
      workload.limits = limits
      return Promise.resolve()
    },
    signal,
    sample: () => Promise.resolve([...workloads].flatMap(sampleOf)),
    collect,
    // A start of this one is whole or nothing.
    abandon: async (id) => {
      await collect(id)
    },
    remove(id) {
      calls.push(`remove ${id}`)
      end(id, exitOf(137))
      workloads.delete(id)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }

  return {
    ...runtime,
    calls,
    script: (id, script) => void scripts.set(id, script),
    emit(id, text) {
      const run = liveRun(id)
      if (run === null) throw new Error(`${id} does not run`)
      appendFileSync(run.logPath, text)
    },
    exit: (id, exit) => {
      end(id, { ...exitOf(0), ...exit })
    },
    wipe() {
      for (const workload of workloads.values()) workload.run = null
    },
    limitsOf: (id) => (liveRun(id) === null ? undefined : workloads.get(id)?.limits),
    specOf: (id) => workloads.get(id)?.spec,
    reopen: () => ({ ...runtime }),
  }
}
