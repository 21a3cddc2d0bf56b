const LONGEST = 100

/** Commands sent before, walked with the arrow keys. What was being typed comes back at the end. */
export function createCommandHistory() {
  const sent: string[] = []
  let position = 0
  let draft = ''

  return {
    add(command: string): void {
      if (sent.at(-1) !== command) sent.push(command)
      if (sent.length > LONGEST) sent.shift()
      position = sent.length
      draft = ''
    },
    /** The command before; null at the oldest. */
    older(typed: string): string | null {
      if (position === 0) return null
      if (position === sent.length) draft = typed
      position -= 1
      return sent[position] ?? null
    },
    /** The command after, at last the draft; null when nothing newer is there. */
    newer(): string | null {
      if (position >= sent.length) return null
      position += 1
      return sent[position] ?? draft
    },
  }
}
