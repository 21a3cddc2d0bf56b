import { createTestAgent, type RunningAgent } from '../test-agent.ts'
import type { ServeOrder } from './messages.ts'

// The real agent on a scripted machine: only containers and images are missing.

let agent: RunningAgent | null = null

process.on('message', ({ url, token, folder }: ServeOrder) => {
  const host = createTestAgent({ folder, url: () => url, token })
  agent = host.start()
  void agent.ready.then(() => process.send?.('ready'))
})
process.once('disconnect', () => {
  void agent?.kill().finally(() => process.exit())
})
