import { spawn } from 'node:child_process'
import path from 'node:path'
import { SMALL_NODE } from './start/small-node.ts'

// `npm run agent -- …`: the agent's own command line (`serve`, `enroll`, `down`) on the pinned Node.

const main = path.resolve(import.meta.dirname, '..', 'agent', 'src', 'main.ts')
const child = spawn(process.execPath, [...SMALL_NODE.flags, main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...SMALL_NODE.environment, ...process.env },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (code) => {
  process.exit(code ?? 1)
})
