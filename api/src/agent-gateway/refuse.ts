import { GraphQLError } from 'graphql'

/** What an agent is told that did something it may not, or at the wrong time. */
export const refuse = (message: string, code: string) => new GraphQLError(message, { extensions: { code } })
