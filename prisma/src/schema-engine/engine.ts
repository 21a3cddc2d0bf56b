import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import { createEngineAdapter, type Datasource } from './adapter.ts'

const PACKAGE = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg'))

type Runtime = typeof import('@prisma/schema-engine-wasm/schema_engine_bg')

/** Loads the WASM module; once a process is enough, because the engine's state lives in its objects. */
async function loadRuntime(): Promise<Runtime> {
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message: (message: string) => process.stderr.write(`schema engine panic: ${message}\n`),
    },
  })
  const runtime = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const bytes = await readFile(path.join(PACKAGE, 'schema_engine_bg.wasm'))
  const module = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...runtime } })
  const { exports } = module.instance
  runtime.__wbg_set_wasm(exports)
  const start = exports['__wbindgen_start']
  if (typeof start === 'function') Reflect.apply(start, undefined, [])
  return runtime
}

export type EngineHost = {
  /** Runs `use` with an engine of its own: engines cache, and a second call on the same one sees the past. */
  withEngine<T>(datasource: Datasource, datamodels: [string, string][] | undefined, use: (engine: SchemaEngine) => Promise<T>): Promise<T>
}

function errorId(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'id' in error && typeof error.id === 'number' ? error.id : undefined
}

export function createEngineHost(): EngineHost {
  let runtime: Promise<Runtime> | undefined
  return {
    async withEngine(datasource, datamodels, use) {
      const { SchemaEngine } = await (runtime ??= loadRuntime())
      const opened: SqlDriverAdapter[] = []
      const adapter = createEngineAdapter(datasource, opened)
      let engine: SchemaEngine | undefined
      try {
        engine = await SchemaEngine.new(
          { datamodels },
          () => {
            /* the engine's log lines: its errors come as exceptions as well */
          },
          adapter,
        )
        return await use(engine)
      } catch (error) {
        // The engine knows errors of the database by a number only; the adapter has kept the error itself.
        const id = errorId(error)
        throw (id === undefined ? undefined : adapter.errorRegistry.consumeError(id)?.error) ?? error
      } finally {
        engine?.free()
        await Promise.allSettled(opened.map((connection) => connection.dispose()))
      }
    },
  }
}

/** Version of the WASM engine, as Prisma names it: the hash behind the last point. */
export async function engineVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(path.join(PACKAGE, 'package.json'), 'utf8')) as { version: string }
  return manifest.version.split('.').at(-1) ?? manifest.version
}
