import { setTimeout as delay } from 'node:timers/promises'
import { MutationRefused } from '../scenario.ts'
import { within } from './within.ts'

const ANSWER_MS = 20_000

/**
 * Asks until there is an answer, as a client does that was cut off: `ask` must carry an idempotency key, so that a repeat of
 * what was done answers the same again. A typed refusal is an answer and is thrown.
 */
export async function insist<T>(ask: () => Promise<T>, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await within(ANSWER_MS, 'an answer', ask())
    } catch (error) {
      if (error instanceof MutationRefused || performance.now() > deadline) throw error
      await delay(50)
    }
  }
}
