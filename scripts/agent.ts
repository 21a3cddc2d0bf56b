import { spawn } from 'node:child_process'
import path from 'node:path'
import { AGENT_NODE } from './start/node-flags.ts'

// `npm run agent -- …`: the agent's own command line (`serve`, `enroll`, `down`) on the pinned Node.

const main = path.resolve(import.meta.dirname, '..', 'agent', 'src', 'main.ts')
const child = spawn(process.execPath, [...AGENT_NODE.flags, main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...AGENT_NODE.environment, ...process.env },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
child.once('exit', (code) => {
  process.exit(code ?? 1)
})
