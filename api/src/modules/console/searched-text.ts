const ESCAPE = 0x1b
/** Colours, movements and titles: CSI, OSC, and the short ones. Each is found in one pass, whatever a game prints. */
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/g

/** Text as a person reads it, and where its bytes are in what the game wrote. */
export type ReadText = { bytes: Buffer; placeOf: (offset: number) => number }

/** Without escape sequences. Lines stay what they are. */
export function withoutSequences(bytes: Buffer): ReadText {
  if (!bytes.includes(ESCAPE)) return { bytes, placeOf: (offset) => offset }
  const kept: Buffer[] = []
  /** Where something was left out, and how much so far. */
  const cuts: { at: number; removed: number }[] = []
  let [from, removed] = [0, 0]
  for (const { index, 0: sequence } of bytes.toString('latin1').matchAll(SEQUENCE)) {
    kept.push(bytes.subarray(from, index))
    cuts.push({ at: index - removed, removed: removed + sequence.length })
    from = index + sequence.length
    removed += sequence.length
  }
  kept.push(bytes.subarray(from))
  return { bytes: Buffer.concat(kept), placeOf: (offset) => offset + (cuts.findLast(({ at }) => at < offset)?.removed ?? 0) }
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
