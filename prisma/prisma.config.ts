import path from 'node:path'
import { defineConfig } from 'prisma/config'

// Prisma would download its native schema engine; ours runs the official WASM build (src/schema-engine/). The CLI starts it
// by its #! line, so the Node that runs the CLI comes first in PATH.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= path.join(import.meta.dirname, 'schema-engine.ts')
process.env['PATH'] = [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter)

export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations', seed: 'node seed.ts' },
  // generate and validate need no database, but the setting must be there.
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://unset@127.0.0.1:1/unset' },
})
