import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import { createEngineAdapter, type Datasource } from './adapter.ts'

function errorId(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'id' in error && typeof error.id === 'number' ? error.id : undefined
}

/**
 * Runs `use` with an engine of its own: engines cache, and a second call on the same one sees the past.
 * @throws the database's own error where there is one
 */
export async function withEngine<T>(
  datasource: Datasource,
  datamodels: [string, string][] | undefined,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const wasm = await import('./wasm.ts')
  const opened: SqlDriverAdapter[] = []
  const adapter = createEngineAdapter(datasource, opened)
  // Its log lines are not wanted: its errors come as exceptions as well.
  const ignoreLog = () => undefined
  let engine: SchemaEngine | undefined
  try {
    engine = await wasm.SchemaEngine.new({ datamodels }, ignoreLog, adapter)
    return await use(engine)
  } catch (error) {
    // The engine knows errors of the database by a number only; the adapter has kept the error itself.
    const id = errorId(error)
    throw (id === undefined ? undefined : adapter.errorRegistry.consumeError(id)?.error) ?? error
  } finally {
    engine?.free()
    await Promise.allSettled(opened.map((connection) => connection.dispose()))
  }
}
