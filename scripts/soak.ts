import { spawn } from 'node:child_process'
import path from 'node:path'

// `npm run soak` watches the memory of the whole product for an hour while twenty servers print; `-- --minutes N` for N.

const bench = path.resolve(import.meta.dirname, '../tests/bench/footprint.ts')
const given = process.argv.slice(2)
const child = spawn(process.execPath, [bench, ...(given.length > 0 ? given : ['--minutes', '60'])], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (code) => {
  process.exit(code ?? 1)
})
