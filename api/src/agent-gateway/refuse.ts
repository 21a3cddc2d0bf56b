import { GraphQLError } from 'graphql'

/** What an agent is told that did something it may not, or at the wrong time. */
export const refuse = (message: string, code: string) => new GraphQLError(message, { extensions: { code } })

/** @throws TOO_LARGE */
export function assertEntries(length: number, most: number): void {
  if (length > most) throw refuse(`A message has at most ${String(most)} entries.`, 'TOO_LARGE')
}
