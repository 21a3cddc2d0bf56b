import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg'

// Imported when first needed, and once per process: the glue code keeps the one instance it works with in its module.
Object.assign(globalThis, {
  PRISMA_WASM_PANIC_REGISTRY: {
    set_message: (message: string) => process.stderr.write(`schema engine panic: ${message}\n`),
  },
})
const glueFile = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
const bytes = await readFile(path.join(path.dirname(glueFile), 'schema_engine_bg.wasm'))
const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...glue } })
glue.__wbg_set_wasm(instance.exports)
const start = instance.exports['__wbindgen_start']
if (typeof start === 'function') Reflect.apply(start, undefined, [])

export { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
