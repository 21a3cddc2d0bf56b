import type { Log } from '../lib/log.ts'
import type { Outbox } from '../state/outbox-store.ts'
import { createSampler, type SamplerDeps, type ServerSample } from './sampler.ts'

/** What is told of measurements. */
export type MeasurementsListener = {
  /** New ones wait in the store. */
  kept(): void
  /** Of servers that somebody watches; not kept. */
  live(samples: ServerSample[]): void
}

/** Measures for as long as the agent lives, whether the api is there or not. */
export type Measurements = {
  /** Measures these every second, until the listening session ends. */
  watch(serverIds: readonly string[]): void
  /** Tells a listener until the returned function is called. */
  listen(listener: MeasurementsListener): () => void
  close(): void
}

export type MeasurementsOptions = Omit<SamplerDeps, 'onSamples' | 'onLiveSamples'> & { outbox: Outbox; log: Log }

export function createMeasurements({ outbox, log, ...deps }: MeasurementsOptions): Measurements {
  const listeners = new Set<MeasurementsListener>()
  const sampler = createSampler({
    ...deps,
    onSamples(samples) {
      const dropped = outbox.addSamples(samples)
      if (dropped > 0) log.warn({ dropped }, 'the api has been away for long: the oldest measurements were dropped')
      for (const listener of listeners) listener.kept()
    },
    onLiveSamples(samples) {
      for (const listener of listeners) listener.live(samples)
    },
  })
  return {
    watch: sampler.watch,
    listen(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) sampler.watch([])
      }
    },
    close: sampler.close,
  }
}
