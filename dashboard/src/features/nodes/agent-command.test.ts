import { expect, it } from 'vitest'
import { agentCommand } from './agent-command.ts'

it('dials securely where the dashboard is served securely', () => {
  expect(agentCommand('https://panel.example', 'abc')).toBe(
    'CATALYST_AGENT_API_URL=wss://panel.example/agent CATALYST_AGENT_ENROLMENT_TOKEN=abc npm run agent',
  )
})

it('allows plain sockets by name, and only where they leave the machine', () => {
  expect(agentCommand('http://localhost:3000', 'abc')).toBe(
    'CATALYST_AGENT_API_URL=ws://localhost:3000/agent CATALYST_AGENT_ENROLMENT_TOKEN=abc npm run agent',
  )
  expect(agentCommand('http://192.0.2.1:3000', 'abc')).toContain('CATALYST_AGENT_ALLOW_INSECURE=true')
})
