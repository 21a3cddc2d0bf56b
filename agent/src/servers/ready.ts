/** When a game counts as running. */
export type ReadyRule = { text: string | null; regex: string | null }

/** Longer lines are compared by their end. */
const LONGEST_TAIL = 8192

// Control sequences (CSI, OSC and single ones) that colour or move text.
const ESCAPE = String.fromCharCode(27)
const BELL = String.fromCharCode(7)
const ANSI = new RegExp(`${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)|[@-Z\\\\-_])`, 'g')

export const stripAnsi = (text: string): string => text.replaceAll(ANSI, '')

/** Looks for the ready text in output as it comes, on whole and partial lines. Returns true once it has been seen. */
export function createReadyMatcher(rule: ReadyRule): (output: Uint8Array) => boolean {
  const decoder = new TextDecoder()
  const pattern = rule.regex === null ? null : new RegExp(rule.regex, 'm')
  let tail = ''
  let isSeen = false
  return (output) => {
    if (isSeen) return true
    tail += decoder.decode(output, { stream: true })
    const text = stripAnsi(tail)
    isSeen = pattern === null ? rule.text !== null && text.includes(rule.text) : pattern.test(text)
    tail = tail.slice(-LONGEST_TAIL)
    return isSeen
  }
}
