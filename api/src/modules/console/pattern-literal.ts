import { atomLength, quantifierOf } from '../templates/pattern-safety.ts'

/** What stands for itself; null for what stands for several characters or for a place, undefined for a character by its number. */
function plainCharacter(atom: string): string | null | undefined {
  const [first = '', second = ''] = atom
  if (first === '\\') return /[dDwWsSbB]/.test(second) ? null : /[a-zA-Z0-9]/.test(second) ? undefined : second
  return /[[.^$]/.test(first) || first > '~' ? null : first
}

/**
 * The longest text that every match of a pattern contains, of ASCII only; empty when none can be told. It is found much faster
 * than the pattern, and lines without it need not be looked at.
 * @param pattern a regular expression without look-around
 */
export function literalOf(pattern: string): string {
  let longest = ''
  let run = ''
  let depth = 0
  const end = () => {
    if (run.length > longest.length) longest = run
    run = ''
  }
  for (let index = 0; index < pattern.length;) {
    const rest = pattern.slice(index)
    if (rest.startsWith('|') && depth === 0) return ''
    if (rest.startsWith('(')) {
      end()
      depth += 1
      index += 1
      continue
    }
    const isGroupEnd = rest.startsWith(')')
    if (isGroupEnd) depth -= 1
    const length = isGroupEnd ? 1 : atomLength(rest)
    const quantifier = quantifierOf(rest.slice(length))
    const character = isGroupEnd || depth > 0 ? null : plainCharacter(rest.slice(0, length))
    if (character === undefined) return ''
    // Once at least; what follows may not stand next to it.
    if (character !== null && (quantifier.length === 0 || rest.startsWith('+', length))) run += character
    if (character === null || quantifier.length > 0) end()
    index += length + quantifier.length
  }
  end()
  return longest
}
