/** Others edit the line, search, reload, open and close tabs; Ctrl+J and Ctrl+M would be a second line. */
const SENT_WITH_CONTROL = /^[bcdeghklopqsuy[\\\]^_]$/

/** The character that a key is for a game in a terminal; null when it is the line's or the browser's. */
export function controlCharacterOf(event: KeyboardEvent, line: HTMLInputElement): string | null {
  if (event.isComposing || event.altKey || event.metaKey || event.shiftKey) return null
  // In a line with text it gives up what was completed.
  if (event.key === 'Escape') return line.value === '' ? '\u001b' : null
  if (!event.ctrlKey || !SENT_WITH_CONTROL.test(event.key)) return null
  if (event.key === 'c' && line.selectionStart !== line.selectionEnd) return null
  return String.fromCodePoint((event.key.codePointAt(0) ?? 0) & 0x1f)
}
