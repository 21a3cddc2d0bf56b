/** Tags as typed, separated by commas or blanks: small letters, each once, sorted as the api keeps them. */
export function tagsOf(text: string): string[] {
  const found = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((tag) => tag !== '')
  return [...new Set(found)].toSorted()
}
