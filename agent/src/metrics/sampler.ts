import type { RunSample } from '../runtime/runtime.ts'

/** One measurement of a running server. Rates are per second by the monotonic clock. `at` is ISO 8601. */
export type ServerSample = {
  serverId: string
  at: string
  /** 100 is one core. */
  cpuPercent: number
  memoryBytes: number
  memoryLimitBytes: number
  diskBytes: number
  /** Version 1 of control groups counts only what goes past the page cache. */
  diskReadBytesPerSecond: number
  diskWriteBytesPerSecond: number
  networkRxBytesPerSecond: number
  networkTxBytesPerSecond: number
  processCount: number
}

type Previous = { sample: RunSample; at: number }

export type SamplerDeps = {
  sample: () => Promise<RunSample[]>
  /** null while it is not known. */
  diskBytes: (serverId: string) => number | null
  monotonicMs: () => number
  now: () => Date
  /** Between two measurements of everything. */
  everySeconds: () => number
  /** Measurements of everything, to be kept until the api has them. */
  onSamples: (samples: ServerSample[]) => void
  /** Measurements in between, of what somebody watches: for now only. */
  onLiveSamples: (samples: ServerSample[]) => void
}

/** Measures servers, with or without the api: all of them at the given rate, those that somebody watches every second. */
export type Sampler = {
  watch(serverIds: readonly string[]): void
  /** Measures all of them once more, for now only. */
  refresh(): void
  close(): void
}

const SECOND_MS = 1000

/** Samples of two measurements; a run that is new since the first one has no rates yet and is left out. */
export function toServerSample(before: Previous, after: RunSample, at: number, now: Date, diskBytes: number): ServerSample | null {
  const seconds = (at - before.at) / 1000
  const isSameRun = before.sample.pid === after.pid
  if (!isSameRun || seconds <= 0) return null
  const rate = (from: number, to: number) => Math.max(0, to - from) / seconds
  return {
    serverId: after.id,
    at: now.toISOString(),
    cpuPercent: Number(after.cpuNanoseconds - before.sample.cpuNanoseconds) / 1e7 / seconds,
    memoryBytes: after.memoryBytes,
    memoryLimitBytes: after.memoryLimitBytes,
    diskBytes,
    diskReadBytesPerSecond: rate(before.sample.diskReadBytes, after.diskReadBytes),
    diskWriteBytesPerSecond: rate(before.sample.diskWriteBytes, after.diskWriteBytes),
    networkRxBytesPerSecond: rate(before.sample.networkRxBytes, after.networkRxBytes),
    networkTxBytesPerSecond: rate(before.sample.networkTxBytes, after.networkTxBytes),
    processCount: after.processCount,
  }
}

export function createSampler(deps: SamplerDeps): Sampler {
  // Two readings before: what is kept covers all the time between two kept ones, whatever was watched meanwhile.
  const kept = new Map<string, Previous>()
  const newest = new Map<string, Previous>()
  let watched = new Set<string>()
  let lastFull = -Infinity
  /** All are measured with the next tick: somebody asked. */
  let isWanted = false
  /** Servers whose run has not all figures yet: these are measured with the next tick. */
  let lacking = new Set<string>()
  let isBusy = false
  let isClosed = false
  const isOver = () => isClosed

  /** The reading of the same run that a measurement begins at. */
  function startOf({ id, pid }: RunSample, isFull: boolean): Previous | undefined {
    const isSameRun = (before: Previous | undefined) => before?.sample.pid === pid
    return [isFull ? kept.get(id) : undefined, newest.get(id)].find(isSameRun)
  }

  async function tick(): Promise<void> {
    const isFull = deps.monotonicMs() - lastFull >= deps.everySeconds() * SECOND_MS
    const isOfAll = isFull || isWanted
    if (isBusy || isClosed || (!isOfAll && watched.size === 0 && lacking.size === 0)) return
    isBusy = true
    try {
      const measured = await deps.sample()
      const at = deps.monotonicMs()
      if (isOfAll) isWanted = false
      const samples: ServerSample[] = []
      const stillLacking = new Set<string>()
      for (const sample of measured) {
        const before = startOf(sample, isFull)
        if (before !== undefined && !isOfAll && !watched.has(sample.id) && !lacking.has(sample.id)) continue
        const diskBytes = deps.diskBytes(sample.id)
        // Released apis need all figures: nothing is told until there are.
        if (before === undefined || diskBytes === null) stillLacking.add(sample.id)
        const reading = { sample, at }
        newest.set(sample.id, reading)
        if (isFull || kept.get(sample.id)?.sample.pid !== sample.pid) kept.set(sample.id, reading)
        const isComplete = before !== undefined && diskBytes !== null
        const result = isComplete ? toServerSample(before, sample, at, deps.now(), diskBytes) : null
        if (result !== null) samples.push(result)
      }
      lacking = stillLacking
      if (isFull) {
        lastFull = at
        const ids = new Set(measured.map((sample) => sample.id))
        for (const readings of [kept, newest]) for (const id of readings.keys()) if (!ids.has(id)) readings.delete(id)
      }
      if (samples.length > 0 && !isOver()) (isFull ? deps.onSamples : deps.onLiveSamples)(samples)
    } catch {
      // containerd is away: the next second tries again.
    } finally {
      isBusy = false
    }
  }

  const timer = setInterval(() => void tick(), SECOND_MS)
  return {
    watch(serverIds) {
      watched = new Set(serverIds)
    },
    refresh() {
      isWanted = true
    },
    close() {
      isClosed = true
      clearInterval(timer)
    },
  }
}
