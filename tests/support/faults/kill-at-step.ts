import { subscribe } from 'node:diagnostics_channel'
import { readFileSync, renameSync } from 'node:fs'

// Preloaded into every process of a product under test (NODE_OPTIONS=--import): ends the one that comes to the step which the
// file names, at that very moment. The file is moved away first, so that the process put in its place lives.

type Plan = { step: string; serverId?: string }
type Step = { step: string; serverId?: string }

const file = process.env['CATALYST_KILL_AT_STEP'] ?? ''

function planned(): Plan | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Plan
  } catch {
    return null
  }
}

for (const channel of ['catalyst:agent:step', 'catalyst:api:step']) {
  subscribe(channel, (message) => {
    const { step, serverId } = message as Step
    const plan = planned()
    if (plan?.step !== step || (plan.serverId !== undefined && plan.serverId !== serverId)) return
    renameSync(file, `${file}.done`)
    process.kill(process.pid, 'SIGKILL')
  })
}
