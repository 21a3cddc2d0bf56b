import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'

// `npm run bench` lists the benchmarks, `npm run bench -- NAME` runs one: its last line is one JSON object (or an array).

const folder = path.resolve(import.meta.dirname, '../tests/bench')
const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isFile() && entry.name.endsWith('.ts') ? [path.basename(entry.name, '.ts')] : [],
)
const [name, ...rest] = process.argv.slice(2)
if (name === undefined) {
  process.stdout.write(`${names.join('\n')}\n`)
  process.exit(0)
}
if (!names.includes(name)) {
  process.stderr.write(`There is no benchmark ${name}; there are: ${names.join(', ')}\n`)
  process.exit(1)
}
const child = spawn(process.execPath, [path.join(folder, `${name}.ts`), ...rest], { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (code) => {
  process.exit(code ?? 1)
})
