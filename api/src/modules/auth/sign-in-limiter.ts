import { addressKey } from '../../lib/address.ts'
import { createRateLimiter } from '../../lib/rate-limiter.ts'

/** Slows guessing down, by address and by account, without letting strangers lock an account's owner out. */
export type SignInLimiter = {
  /** Takes a try before the password is looked at, so that parallel guesses count. Seconds to wait, or 0. */
  take(address: string | null, email: string): number
  /** The password was right: the try does not count, and this address is known to the account from now on. */
  succeeded(address: string | null, email: string): void
}

const WINDOW_SECONDS = 300
/** Wrong passwords per window: of one address for one account, of one address, of one account from unknown addresses. */
const PAIR_LIMIT = 10
const ADDRESS_LIMIT = 30
const ACCOUNT_LIMIT = 60
const MOST_KNOWN = 10_000

export function createSignInLimiter(monotonicMs: () => number): SignInLimiter {
  const pairs = createRateLimiter(PAIR_LIMIT, WINDOW_SECONDS, monotonicMs)
  const addresses = createRateLimiter(ADDRESS_LIMIT, WINDOW_SECONDS, monotonicMs)
  const accounts = createRateLimiter(ACCOUNT_LIMIT, WINDOW_SECONDS, monotonicMs)
  // Who signed in from this address before is not troubled by what others try, on the account or from the address: behind a
  // proxy everybody has the same one.
  const known = new Set<string>()
  const pairOf = (address: string, email: string) => `${address} ${email}`

  return {
    take(address, email) {
      const from = addressKey(address)
      const pair = pairOf(from, email)
      if (known.has(pair)) return pairs.take(pair)
      return Math.max(addresses.take(from), pairs.take(pair), accounts.take(email))
    },
    succeeded(address, email) {
      const from = addressKey(address)
      const pair = pairOf(from, email)
      pairs.reset(pair)
      if (!known.has(pair)) {
        addresses.giveBack(from)
        accounts.giveBack(email)
      }
      known.delete(pair)
      if (known.size >= MOST_KNOWN) known.delete(known.values().next().value ?? pair)
      known.add(pair)
    },
  }
}
