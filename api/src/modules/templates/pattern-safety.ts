import { createContext, Script } from 'node:vm'

/** Unbounded repetitions in one pattern: each may multiply the time by the length of the text. */
const MOST_REPETITIONS = 6
/** Far above what any safe pattern takes, also on a machine that is busy: it is time on the clock that counts. */
const MATCH_TIMEOUT_MS = 2_000

type Group = { isRepeating: boolean; hasChoice: boolean }
type Quantifier = { length: number; isRepeating: boolean; isUnbounded: boolean }

const NONE: Quantifier = { length: 0, isRepeating: false, isUnbounded: false }

/** The quantifier at the beginning of a text. */
export function quantifierOf(text: string): Quantifier {
  const match = /^(?:([*+])|(\?)|\{(\d+)(?:(,)(\d*))?\})\??/.exec(text)
  if (match === null) return NONE
  const [whole, star, optional, least, comma, most] = match
  if (optional !== undefined) return { length: whole.length, isRepeating: false, isUnbounded: false }
  const isUnbounded = star !== undefined || (comma !== undefined && most === '')
  const times = most === undefined || most === '' ? Number(least ?? 0) : Number(most)
  return { length: whole.length, isRepeating: isUnbounded || times > 1, isUnbounded }
}

/** Length of the escape or class at the beginning of a text; 1 for a plain character. */
export function atomLength(text: string): number {
  if (text.startsWith('\\')) return 2
  if (!text.startsWith('[')) return 1
  for (let index = text[1] === '^' ? 2 : 1; index < text.length; index += 1) {
    if (text[index] === '\\') index += 1
    else if (text[index] === ']') return index + 1
  }
  return text.length
}

/**
 * Why a pattern written by strangers is not taken; null when it is. Look-around and back references are out, and so is
 * repeating a group that itself repeats or chooses: those take exponential time on texts that do not match.
 */
export function problemOfPattern(pattern: string): string | null {
  try {
    new RegExp(pattern)
  } catch {
    return 'is no regular expression'
  }
  if (/\(\?[=!<]/.test(pattern)) return 'has look-around or named groups'
  const groups: Group[] = [{ isRepeating: false, hasChoice: false }]
  let unbounded = 0
  for (let index = 0; index < pattern.length;) {
    const rest = pattern.slice(index)
    const current = groups.at(-1) ?? { isRepeating: false, hasChoice: false }
    if (/^\\[1-9k]/.test(rest)) return 'has back references'
    if (rest.startsWith('(')) {
      groups.push({ isRepeating: false, hasChoice: false })
      index += rest.startsWith('(?:') ? 3 : 1
      continue
    }
    if (rest.startsWith('|')) {
      current.hasChoice = true
      index += 1
      continue
    }
    const isGroupEnd = rest.startsWith(')')
    const closed = isGroupEnd ? groups.pop() : undefined
    const length = isGroupEnd ? 1 : atomLength(rest)
    const quantifier = quantifierOf(rest.slice(length))
    if (quantifier.isRepeating && (closed?.isRepeating === true || closed?.hasChoice === true))
      return 'repeats a group that repeats or chooses'
    if (quantifier.isUnbounded && (unbounded += 1) > MOST_REPETITIONS) return 'repeats too often'
    const outer = groups.at(-1)
    if (outer !== undefined && (quantifier.isRepeating || closed?.isRepeating === true)) outer.isRepeating = true
    if (outer !== undefined && closed?.hasChoice === true) outer.hasChoice = true
    index += length + quantifier.length
  }
  return null
}

const matcher = new Script('new RegExp(`^(?:${pattern})$`).test(value)')

/** Whether the whole value matches. A match that takes too long is none. */
export function matchesWhole(pattern: string, value: string): boolean {
  try {
    return matcher.runInContext(createContext({ pattern, value }), { timeout: MATCH_TIMEOUT_MS }) === true
  } catch {
    return false
  }
}
