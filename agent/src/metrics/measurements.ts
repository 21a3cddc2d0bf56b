import type { Log } from '../lib/log.ts'
import type { Outbox } from '../state/outbox-store.ts'
import { createMachineSampler } from './machine-sampler.ts'
import type { MachineCounters, NodeSample } from './machine.ts'
import { createSampler, type SamplerDeps, type ServerSample } from './sampler.ts'

/** What is told of measurements. */
export type MeasurementsListener = {
  /** New ones wait in the store. */
  kept(): void
  /** Of servers that somebody watches, and of all after a refresh; not kept. */
  live(samples: ServerSample[]): void
  /** Of the machine, likewise. */
  liveNode(sample: NodeSample): void
}

/** Measures for as long as the agent lives, whether the api is there or not. */
export type Measurements = {
  /** Measures these, and the machine itself, every second, until the listening session ends. */
  watch(serverIds: readonly string[], isNodeWatched: boolean): void
  /** Measures everything once more, for now only: who has just come knows nothing yet. */
  refresh(): void
  /** Tells a listener until the returned function is called. */
  listen(listener: MeasurementsListener): () => void
  close(): void
}

export type MeasurementsOptions = Omit<SamplerDeps, 'onSamples' | 'onLiveSamples'> & {
  readMachine: () => Promise<MachineCounters>
  outbox: Outbox
  log: Log
}

export function createMeasurements({ outbox, log, readMachine, ...deps }: MeasurementsOptions): Measurements {
  const listeners = new Set<MeasurementsListener>()
  let serverCount = 0
  const sampler = createSampler({
    ...deps,
    async sample() {
      const measured = await deps.sample()
      serverCount = measured.length
      return measured
    },
    onSamples(samples) {
      const dropped = outbox.addSamples(samples)
      if (dropped > 0) log.warn({ dropped }, 'the api has been away for long: the oldest measurements were dropped')
      for (const listener of listeners) listener.kept()
    },
    onLiveSamples(samples) {
      for (const listener of listeners) listener.live(samples)
    },
  })
  const machine = createMachineSampler({
    read: readMachine,
    containerCount: () => serverCount,
    monotonicMs: deps.monotonicMs,
    now: deps.now,
    everySeconds: deps.everySeconds,
    onSample(sample) {
      outbox.addNodeSample(sample)
      for (const listener of listeners) listener.kept()
    },
    onLiveSample(sample) {
      for (const listener of listeners) listener.liveNode(sample)
    },
  })
  const watch: Measurements['watch'] = (serverIds, isNodeWatched) => {
    sampler.watch(serverIds)
    machine.watch(isNodeWatched)
  }
  return {
    watch,
    refresh() {
      sampler.refresh()
      machine.refresh()
    },
    listen(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) watch([], false)
      }
    },
    close() {
      sampler.close()
      machine.close()
    },
  }
}
