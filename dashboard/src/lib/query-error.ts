type GraphqlError = { message: string; extensions?: Record<string, unknown> | undefined }
type ClientError = { message: string; graphQLErrors?: readonly GraphqlError[]; networkError?: unknown }

export type QueryError =
  | { kind: 'forbidden'; permission: string }
  | { kind: 'unreachable' }
  | { kind: 'failed'; message: string; reportId: string | null }

/** What a failed query means for its reader. */
export function readQueryError(error: ClientError): QueryError {
  const first = error.graphQLErrors?.[0]
  if (first === undefined)
    return error.networkError == null ? { kind: 'failed', message: error.message, reportId: null } : { kind: 'unreachable' }
  const { code, permission, requestId } = first.extensions ?? {}
  if (code === 'FORBIDDEN') return { kind: 'forbidden', permission: typeof permission === 'string' ? permission : '' }
  return { kind: 'failed', message: first.message, reportId: typeof requestId === 'string' ? requestId : null }
}
