import type { ConsoleQuery } from './console-search.ts'

/** A regular expression as in the api's search; null when the text is none. */
export function patternOf(text: string, matchCase: boolean): RegExp | null {
  try {
    return new RegExp(text, matchCase ? '' : 'i')
  } catch {
    return null
  }
}

/** As long as the text was, unlike what `toLowerCase` makes of some letters. The api knows no other capitals either. */
const inSmallLetters = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/** A line around the first thing in it that was looked for; all of it is `before` when that is not in it. */
export function partsOf(line: string, query: ConsoleQuery): { before: string; match: string; after: string } {
  const found = query.isPattern ? patternOf(query.text, query.matchCase)?.exec(line) : null
  const folded = (text: string) => (query.matchCase ? text : inSmallLetters(text))
  const at = query.isPattern ? (found?.index ?? -1) : folded(line).indexOf(folded(query.text))
  if (at === -1) return { before: line, match: '', after: '' }
  const end = at + (found?.[0].length ?? query.text.length)
  return { before: line.slice(0, at), match: line.slice(at, end), after: line.slice(end) }
}
