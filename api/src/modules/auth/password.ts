import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { RateLimitedError } from '../../lib/errors.ts'

/** Argon2id as OWASP's password storage cheat sheet asks at least: 19 MiB, two passes, one lane. */
const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
/** Each hash holds a thread and its memory: so many at once, so many waiting. */
const MOST_AT_ONCE = 2
const MOST_WAITING = 64

/** Passwords, stored as argon2id. */
export type Passwords = {
  hash(password: string): Promise<string>
  /**
   * Takes as long for an account that does not exist (null) as for one that does.
   * @throws RateLimitedError when too many are waiting
   */
  verify(stored: string | null, password: string): Promise<boolean>
}

export function createPasswords(): Passwords {
  const decoy = hash(randomBytes(16).toString('hex'), OPTIONS)
  const waiting: (() => void)[] = []
  let running = 0

  const enter = async () => {
    if (running >= MOST_AT_ONCE) {
      if (waiting.length >= MOST_WAITING) throw new RateLimitedError(1, 'Too many sign-ins at once.')
      // Whoever leaves hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
  }
  const leave = () => {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }

  return {
    hash: (password) => hash(password, OPTIONS),
    async verify(stored, password) {
      await enter()
      try {
        const isRight = await verify(stored ?? (await decoy), password)
        return isRight && stored !== null
      } finally {
        leave()
      }
    },
  }
}
