const LONGEST = 100

export type SentCommand = { text: string; isPrivate: boolean }

/** Commands sent before, walked with the arrow keys. What was being typed comes back at the end. */
export function createCommandHistory() {
  let sent: SentCommand[] = []
  let position = 0
  let draft = ''
  /** Came while the keys were among the old ones: they must not move then. */
  let next: SentCommand[] | null = null

  const take = (commands: SentCommand[]) => {
    sent = commands.slice(-LONGEST)
    position = sent.length
    next = null
  }
  return {
    add(command: SentCommand): void {
      const known = next ?? sent
      take(known.at(-1)?.text === command.text ? known : [...known, command])
      draft = ''
    },
    /** Takes what the api knows, newest first; at once, or when the keys are back at the end. */
    replace(newestFirst: readonly SentCommand[]): void {
      const commands = newestFirst.filter(({ text }, index) => text !== newestFirst[index + 1]?.text).toReversed()
      if (position === sent.length) take(commands)
      else next = commands
    },
    /** All that is known. */
    newestFirst: (): SentCommand[] => (next ?? sent).toReversed(),
    /** The command before; null at the oldest. */
    older(typed: string): SentCommand | null {
      if (position === 0) return null
      if (position === sent.length) draft = typed
      position -= 1
      return sent[position] ?? null
    },
    /** The command after, at last the draft; null when nothing newer is there. */
    newer(): SentCommand | null {
      if (position >= sent.length) return null
      position += 1
      const command = sent[position] ?? { text: draft, isPrivate: false }
      if (position === sent.length && next !== null) take(next)
      return command
    },
  }
}
