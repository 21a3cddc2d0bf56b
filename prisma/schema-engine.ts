#!/usr/bin/env node
// Stands in for Prisma's `schema-engine` binary: the same arguments, the same JSON-RPC, served by the official WASM build.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import type { Datasource } from './src/schema-engine/adapter.ts'
import { serveRpc } from './src/schema-engine/rpc.ts'
import { createDatabase, dropDatabase, runSql } from './src/schema-engine/sql.ts'

/** SQLSTATE → what the CLI knows it by. */
const ERROR_CODES: Record<string, string> = { '3D000': 'P1003', '28P01': 'P1000', '28000': 'P1000' }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    datamodels: { type: 'string', multiple: true },
    datasource: { type: 'string' },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
    version: { type: 'boolean' },
  },
})
const datasource = typeof values.datasource === 'string' ? (JSON.parse(values.datasource) as Datasource) : {}

function log(level: 'INFO' | 'ERROR', fields: object): void {
  process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target: 'schema_engine::logger' })}\n`)
}

async function runCommand(name: string | undefined): Promise<number> {
  const url = datasource.url ?? ''
  const commands: Record<string, () => Promise<unknown>> = {
    'can-connect-to-database': () => runSql(url, 'select 1'),
    'create-database': () => createDatabase(url),
    'drop-database': () => dropDatabase(url),
  }
  log('INFO', { message: 'Starting the schema engine' }) // the CLI throws the first line away
  try {
    const command = commands[name ?? '']
    if (!command) throw new Error(`unknown command ${String(name)}`)
    await command()
    log('INFO', { message: 'The database was successfully dropped' })
    return 0
  } catch (error) {
    const { message, code } = error as { message: string; code?: string }
    log('ERROR', { message, error_code: ERROR_CODES[code ?? ''] ?? 'P1001', is_panic: false })
    return 1
  }
}

/** As the native binary names it: the hash behind the last point. */
async function engineVersion(): Promise<string> {
  const file = createRequire(import.meta.url)
    .resolve('@prisma/schema-engine-wasm/schema_engine_bg')
    .replace(/[^/\\]+$/, 'package.json')
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string }
  return version.split('.').at(-1) ?? version
}

async function main(): Promise<number> {
  if (values.version === true) {
    process.stdout.write(`schema-engine-wasm ${await engineVersion()}\n`)
    return 0
  }
  if (positionals[0] === 'cli') return runCommand(positionals[1])
  const datamodels = Array.isArray(values.datamodels) ? values.datamodels.filter((file) => typeof file === 'string') : undefined
  await serveRpc(datasource, datamodels)
  return 0
}

// The engine's advisory lock leaves a timer of 10 s behind.
process.exit(await main())
