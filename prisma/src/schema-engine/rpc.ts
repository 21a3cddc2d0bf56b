import { readFile } from 'node:fs/promises'
import readline from 'node:readline'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Datasource } from './adapter.ts'
import { withEngine } from './engine.ts'
import { createDatabase } from './sql.ts'

type Message = { id?: number | string; method?: string; params?: Record<string, unknown> }
type Failure = { message?: string; code?: string; meta?: unknown }

/** Names of the protocol that are methods of the engine as well. */
const METHODS = new Set<string>([
  'applyMigrations',
  'createMigration',
  'dbExecute',
  'devDiagnostic',
  'diagnoseMigrationHistory',
  'diff',
  'ensureConnectionValidity',
  'evaluateDataLoss',
  'introspect',
  'introspectSql',
  'markMigrationApplied',
  'markMigrationRolledBack',
  'reset',
  'schemaPush',
])

async function callEngine(engine: SchemaEngine, method: string, params: Record<string, unknown>): Promise<unknown> {
  if (method === 'getDatabaseVersion') return engine.version()
  const implementation: unknown = METHODS.has(method) ? Reflect.get(engine, method) : undefined
  if (typeof implementation !== 'function') throw new Error(`the schema engine has no method ${method}`)
  // These two only look into the engine's cache for the schema of the migrations; devDiagnostic fills it.
  if (method === 'evaluateDataLoss' || method === 'createMigration') {
    const { migrationsList, filters } = params as Partial<Record<string, unknown>> & Parameters<SchemaEngine['devDiagnostic']>[0]
    await engine.devDiagnostic({ migrationsList, filters })
  }
  return (await (Reflect.apply(implementation, engine, [params]) as Promise<unknown>)) ?? {}
}

/**
 * Serves the JSON-RPC that Prisma's CLI speaks with its engine, a line each way, until the input ends. Calls run one after
 * the other.
 */
export async function serveRpc(datasource: Datasource, datamodelPaths: string[] | undefined): Promise<void> {
  const datamodels =
    datamodelPaths &&
    (await Promise.all(datamodelPaths.map(async (file): Promise<[string, string]> => [file, await readFile(file, 'utf8')])))
  const send = (message: object) => {
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }
  let prints = 0

  const call = async (method: string, params: Record<string, unknown>): Promise<unknown> => {
    if (method === 'createDatabase') {
      const { url } = (params['datasource'] ?? datasource) as Datasource
      if (url === undefined) throw new Error('the datasource has no address')
      return createDatabase(url)
    }
    const result = await withEngine(datasource, datamodels, (engine) => callEngine(engine, method, params))
    if (method !== 'diff') return result
    // The native engine prints the difference by a request of its own.
    const { stdout, ...rest } = result as { stdout?: string | null }
    if (stdout) send({ id: ++prints, method: 'print', params: { content: stdout } })
    return rest
  }

  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { id, method, params = {} } = JSON.parse(line) as Message
    if (method === undefined) continue // the CLI's answer to a print
    try {
      send({ id, result: await call(method, params) })
    } catch (error) {
      const { message, code, meta } = error as Failure
      const data = { is_panic: false, message: message ?? String(error), error_code: code ?? null, meta: meta ?? null }
      send({ id, error: { code: 4466, message: 'see data', data } })
    }
  }
}
