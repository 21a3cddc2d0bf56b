const ESCAPE = 0x1b
/** Colours, movements and titles: CSI, OSC, and the short ones. Each is found in one pass, whatever a game prints. */
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/y

/** Text as a person reads it, and where its bytes are in what the game wrote. */
export type ReadText = { bytes: Buffer; placeOf: (offset: number) => number }

/** Without escape sequences. Lines stay what they are. */
export function withoutSequences(bytes: Buffer): ReadText {
  const first = bytes.indexOf(ESCAPE)
  if (first === -1) return { bytes, placeOf: (offset) => offset }
  // Some games print hardly anything else: nothing is made for each sequence but its two numbers.
  const text = bytes.toString('latin1')
  const kept = Buffer.allocUnsafe(bytes.length)
  /** Where something was left out, and how much so far. */
  const [cuts, removed]: [number[], number[]] = [[], []]
  let [from, length] = [0, 0]
  for (let at = first; at !== -1;) {
    SEQUENCE.lastIndex = at
    const end = SEQUENCE.test(text) ? SEQUENCE.lastIndex : at
    if (end > at) {
      if (at > from) length += bytes.copy(kept, length, from, at)
      cuts.push(length)
      removed.push(end - length)
      from = end
    }
    at = text.indexOf('\u001b', Math.max(end, at + 1))
  }
  length += bytes.copy(kept, length, from)
  /** The last cut before an offset is looked for by halves. */
  const placeOf = (offset: number) => {
    let [low, high] = [0, cuts.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cuts[middle] ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return offset + (removed[low - 1] ?? 0)
  }
  return { bytes: kept.subarray(0, length), placeOf }
}

const [CAPITAL_A, CAPITAL_Z] = [0x41, 0x5a]

/** A copy in small letters, as far as they are ASCII. */
export function inSmallLetters(bytes: Buffer): Buffer {
  const small = Buffer.from(bytes)
  for (let index = 0; index < small.length; index += 1) {
    const byte = small[index] ?? 0
    if (byte >= CAPITAL_A && byte <= CAPITAL_Z) small[index] = byte + 32
  }
  return small
}

/**
 * Tells quickly that bytes do not contain a text; true may be wrong when capitals do not matter.
 * Forwards, because that is the fast direction.
 */
export function prefilterOf(literal: Buffer, matchCase: boolean): (bytes: Buffer) => boolean {
  if (literal.length === 0) return () => true
  if (matchCase) return (bytes) => bytes.includes(literal)
  const pattern = new RegExp(RegExp.escape(literal.toString('latin1')), 'i')
  return (bytes) => pattern.test(bytes.toString('latin1'))
}
