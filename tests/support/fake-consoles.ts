import type { SeenPart } from './fake-api-types.ts'

type Console = { head: Buffer; durable: number; parts: { kind: string; at: string; text: string; gap: number }[] }

/** What the fake api has of consoles. What an agent may not send is noted as a breach. */
export type FakeConsoles = {
  of(serverId: string): Console
  ingest(serverId: string, from: number, incoming: readonly SeenPart[]): { acknowledged: number; expected: number }
  /** While it is true nothing more becomes durable. */
  hold(next: boolean): void
  /** Loses what is not durable. */
  crash(): void
}

export function createFakeConsoles(breaches: string[]): FakeConsoles {
  const consoles = new Map<string, Console>()
  let isHeld = false

  const of = (serverId: string): Console => {
    const known = consoles.get(serverId) ?? { head: Buffer.alloc(0), durable: 0, parts: [] }
    consoles.set(serverId, known)
    return known
  }

  return {
    of,

    ingest(serverId, from, incoming) {
      const console = of(serverId)
      if (from > console.head.length) return { acknowledged: console.durable, expected: console.head.length }
      let position = from
      for (const part of incoming) {
        const given = [part.text, part.base64, part.gapBytes].filter((value) => value != null).length
        if (given !== 1) breaches.push('a part has not exactly one content')
        const bytes =
          part.text != null
            ? Buffer.from(part.text)
            : part.base64 != null
              ? Buffer.from(part.base64, 'base64')
              : Buffer.alloc(part.gapBytes ?? 0, '?')
        const known = console.head.subarray(position, position + bytes.length)
        // The same position has the same byte for ever.
        if (!known.equals(bytes.subarray(0, known.length))) breaches.push(`other bytes at ${String(position)} of ${serverId}`)
        if (known.length < bytes.length) {
          const fresh = bytes.subarray(known.length)
          console.head = Buffer.concat([console.head, fresh])
          console.parts.push({ kind: part.kind, at: part.at, text: fresh.toString(), gap: part.gapBytes ?? 0 })
        }
        position += bytes.length
      }
      if (!isHeld) console.durable = console.head.length
      return { acknowledged: console.durable, expected: console.head.length }
    },

    hold(next) {
      isHeld = next
    },

    crash() {
      for (const console of consoles.values()) console.head = console.head.subarray(0, console.durable)
    },
  }
}
