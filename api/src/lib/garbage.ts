// Node runs with --expose-gc (scripts/start/node-flags.ts); without it nothing happens.

/** Frees what was used for a moment. Buffers hardly show on the engine's own scales: without it megabytes of them pile up. */
export function collectYoungGarbage(): void {
  globalThis.gc?.({ type: 'minor' })
}

/** Gives back all that is unused: after a large piece of work that does not come again. */
export async function collectGarbage(): Promise<void> {
  await globalThis.gc?.({ type: 'major', execution: 'async', flavor: 'last-resort' })
}
