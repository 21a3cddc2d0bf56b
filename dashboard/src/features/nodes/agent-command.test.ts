import { expect, it } from 'vitest'
import { agentCommand } from './agent-command.ts'

it('dials securely where the dashboard is served securely', () => {
  expect(agentCommand('enrol', 'https://panel.example', 'abc')).toBe('npm run agent:install -- --url wss://panel.example/agent --token abc')
  expect(agentCommand('rekey', 'https://panel.example', 'abc')).toBe('npm run agent -- enroll --url wss://panel.example/agent --token abc')
})

it('allows plain sockets by name, and only where they leave the machine', () => {
  expect(agentCommand('enrol', 'http://localhost:3000', 'abc')).toBe('npm run agent:install -- --url ws://localhost:3000/agent --token abc')
  expect(agentCommand('enrol', 'http://192.0.2.1:3000', 'abc')).toMatch(/ --allow-insecure$/)
  expect(agentCommand('rekey', 'http://192.0.2.1:3000', 'abc')).toMatch(/^CATALYST_AGENT_ALLOW_INSECURE=true npm/)
})
