import { toNodeSample, type MachineCounters, type NodeSample } from './machine.ts'

export type MachineSamplerDeps = {
  read: () => Promise<MachineCounters>
  /** Servers that run. */
  containerCount: () => number
  monotonicMs: () => number
  now: () => Date
  /** Between two measurements that are kept. */
  everySeconds: () => number
  /** To be kept until the api has it. */
  onSample: (sample: NodeSample) => void
  /** In between, while somebody watches: for now only. */
  onLiveSample: (sample: NodeSample) => void
}

/** Measures the machine itself, with or without the api: at the given rate, and every second while somebody watches. */
export type MachineSampler = {
  watch(isWatched: boolean): void
  /** Measures once more, for now only. */
  refresh(): void
  close(): void
}

type Reading = { counters: MachineCounters; at: number }

const SECOND_MS = 1000

export function createMachineSampler(deps: MachineSamplerDeps): MachineSampler {
  // Two readings before: what is kept covers all the time between two kept ones, whatever was watched meanwhile.
  let kept: Reading | null = null
  let newest: Reading | null = null
  let isWatched = false
  let isWanted = false
  let isBusy = false
  let isClosed = false
  const isOver = () => isClosed

  async function tick(): Promise<void> {
    const isDue = kept === null || deps.monotonicMs() - kept.at >= deps.everySeconds() * SECOND_MS
    if (isBusy || isClosed || (!isDue && !isWatched && !isWanted)) return
    isBusy = true
    try {
      const counters = await deps.read()
      const at = deps.monotonicMs()
      const before = isDue ? kept : newest
      const sample = before === null ? null : toNodeSample(before.counters, counters, at - before.at, deps.now(), deps.containerCount())
      newest = { counters, at }
      if (isDue) kept = newest
      // The first reading alone says nothing: who asks before the second waits for it.
      if (sample !== null) isWanted = false
      if (sample !== null && !isOver()) (isDue ? deps.onSample : deps.onLiveSample)(sample)
    } catch {
      // A file of the kernel that cannot be read now: the next second tries again.
    } finally {
      isBusy = false
    }
  }

  const timer = setInterval(() => void tick(), SECOND_MS)
  return {
    watch(next) {
      isWatched = next
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
