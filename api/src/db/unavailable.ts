/** Classes and codes of PostgreSQL: connection, resources, operator intervention, waits that were cut short. */
const POSTGRES = /^(08|53|57P|58)|^(55P03|57014|25P03|25P04|40001|40P01)$/
/** The last two: written to a connection that had just gone. */
const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END)$/
/** Of Prisma: not reachable, timed out, closed, no connection free, transaction over, conflict. */
const PRISMA = /^(P1001|P1002|P1008|P1017|P2024|P2028|P2034|P2037)$/
/** What pg says without a code. */
const WORDS =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|is not queryable|Unable to start a transaction|Transaction already closed|Server has closed the connection|Can't reach database server/

/**
 * True when the database could not do it now: away, restarting, out of connections, or held by a lock for too long. The
 * same may succeed in a moment.
 */
export function isUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 5) return false
  const { code, originalCode, message, cause, meta, errors } = error as Readonly<Record<string, unknown>>
  const codes = [code, originalCode].filter((value) => typeof value === 'string')
  if (codes.some((value) => POSTGRES.test(value) || NETWORK.test(value) || PRISMA.test(value))) return true
  if (typeof message === 'string' && WORDS.test(message)) return true
  const { driverAdapterError } = (meta ?? {}) as { driverAdapterError?: unknown }
  const inner: unknown[] = [cause, meta, driverAdapterError, ...(Array.isArray(errors) ? (errors as unknown[]) : [])]
  return inner.some((one) => isUnavailable(one, depth + 1))
}
