/** A regular expression; null when the text is none. */
export function patternOf(text: string): RegExp | null {
  try {
    return new RegExp(text)
  } catch {
    return null
  }
}

/** A line around the first thing in it that was looked for; all of it is `before` when that is not in it. */
export function partsOf(line: string, query: { text: string; isPattern: boolean }): { before: string; match: string; after: string } {
  const found = query.isPattern ? patternOf(query.text)?.exec(line) : null
  const at = query.isPattern ? (found?.index ?? -1) : line.indexOf(query.text)
  if (at === -1) return { before: line, match: '', after: '' }
  const end = at + (found?.[0].length ?? query.text.length)
  return { before: line.slice(0, at), match: line.slice(at, end), after: line.slice(end) }
}
