import { setTimeout as delay } from 'node:timers/promises'
import type { ThirdParty } from './third-party.ts'

export type ConsoleEvent =
  | {
      __typename: 'ConsoleChunk'
      from: number
      to: number
      kind: 'OUTPUT' | 'INPUT' | 'NOTICE'
      text: string
      at: string
      actor: string | null
    }
  | { __typename: 'ConsoleGap'; from: number; to: number; reason: string }

const DOCUMENT = `subscription ($serverId: ID!, $after: SafeInt) {
  consoleEvents(serverId: $serverId, after: $after) {
    __typename from to
    ... on ConsoleChunk { kind text at actor }
    ... on ConsoleGap { reason }
  }
}`

/** A viewer that never gives up: it subscribes again behind the last position it saw, and checks the chain as it reads. */
export type ConsoleReader = {
  readonly events: readonly ConsoleEvent[]
  /** Violations of the contract, in words; empty when the chain is unbroken. */
  readonly violations: readonly string[]
  readonly reconnects: number
  /** Resolves with the output so far once `found` accepts it; rejects after `timeoutMs`. */
  until(found: (output: string) => boolean, timeoutMs: number): Promise<string>
  /** Everything the game printed, joined. */
  output(): string
  stop(): Promise<void>
}

/**
 * @param connect makes a new client; called again after each lost connection
 * @param after position to start behind; 0 is the oldest kept
 * @param mayMiss reasons of gaps that are no violation
 */
export function readConsole(connect: () => ThirdParty, serverId: string, after = 0, mayMiss: readonly string[] = []): ConsoleReader {
  const events: ConsoleEvent[] = []
  const violations: string[] = []
  const listeners = new Set<() => void>()
  let output = ''
  let position = after
  let reconnects = 0
  let stopped = false
  let client = connect()

  const accept = (event: ConsoleEvent) => {
    if (event.from !== position) violations.push(`expected position ${String(position)}, got ${String(event.from)}`)
    if (event.to <= event.from) violations.push(`empty event at ${String(event.from)}`)
    if (event.__typename === 'ConsoleGap') {
      if (!mayMiss.includes(event.reason)) violations.push(`gap ${event.reason} at ${String(event.from)}`)
    } else if (event.kind === 'OUTPUT') output += event.text
    position = event.to
    events.push(event)
    for (const listener of listeners) listener()
  }

  const run = async () => {
    for (;;) {
      try {
        for await (const data of client.iterate<{ consoleEvents: ConsoleEvent }>(DOCUMENT, { serverId, after: position }))
          accept(data.consoleEvents)
      } catch {
        // The api is away or was killed: what follows is the reconnect that this reader exists for.
      }
      if (stopped) return
      await client.dispose()
      await delay(100)
      reconnects += 1
      client = connect()
    }
  }
  const running = run()

  return {
    events,
    violations,
    get reconnects() {
      return reconnects
    },
    output: () => output,
    until(found, timeoutMs) {
      return new Promise((resolve, reject) => {
        const check = () => {
          if (!found(output)) return
          finish()
          resolve(output)
        }
        const timer = setTimeout(() => {
          finish()
          reject(new Error(`not seen within ${String(timeoutMs)} ms; the console ends with: ${output.slice(-2000)}`))
        }, timeoutMs)
        const finish = () => {
          clearTimeout(timer)
          listeners.delete(check)
        }
        listeners.add(check)
        check()
      })
    },
    async stop() {
      stopped = true
      await client.dispose()
      await running
    },
  }
}
