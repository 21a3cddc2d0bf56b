import { GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import { isUnavailable } from '../db/unavailable.ts'
import { DomainError, ForbiddenError, RateLimitedError, ServiceUnavailableError, ValidationError } from '../lib/errors.ts'

/** What clients may know besides message and code. */
function detailsOf(error: DomainError): Record<string, unknown> {
  if (error instanceof ForbiddenError) return error.permission === null ? {} : { permission: error.permission }
  if (error instanceof ValidationError) return { fields: error.fields }
  if (error instanceof RateLimitedError) return { retryAfterSeconds: error.retryAfterSeconds }
  return {}
}

/** The error that was thrown, below what GraphQL wrapped around it. */
function originOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError !== undefined ? originOf(error.originalError) : error
}

/**
 * Top-level errors. Domain errors keep their code; the caller's mistakes (GraphQLError) pass; anything else is a bug: the
 * client gets the request's id, the log the error with the same id.
 */
export function createMaskError(logger: Logger) {
  return (error: unknown, requestId: string): GraphQLError => {
    const origin = originOf(error)
    const { nodes, path } = error instanceof GraphQLError ? error : {}
    if (origin instanceof DomainError) {
      return new GraphQLError(origin.message, { nodes, path, extensions: { code: origin.code, ...detailsOf(origin) } })
    }
    if (origin instanceof GraphQLError) return origin
    if (isUnavailable(origin)) {
      logger.warn({ err: origin, requestId, path }, 'an operation found no database')
      const { message, code } = new ServiceUnavailableError()
      return new GraphQLError(message, { nodes, path, extensions: { code } })
    }
    logger.error({ err: origin, requestId, path }, 'unexpected error in an operation')
    return new GraphQLError('Something unexpected went wrong.', { nodes, path, extensions: { code: 'INTERNAL', requestId } })
  }
}
