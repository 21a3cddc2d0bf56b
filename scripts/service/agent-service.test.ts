import { describe, expect, it } from 'vitest'
import { agentServiceOf, keptSettings, parseSettings, renderSettings, renderUnit } from './agent-service.ts'

const service = agentServiceOf({ containerdNamespace: 'catalyst' })

describe('renderUnit', () => {
  const unit = renderUnit(service, '/srv/the "100%" panel')

  it('leaves no mark unfilled and quotes paths as systemd reads them', () => {
    expect(unit).not.toMatch(/@[A-Z]+@/)
    expect(unit).toContain(
      String.raw`ExecStart="/srv/the \"100%%\" panel/node_modules/.bin/node" --expose-gc --optimize-for-size --max-semi-space-size=2 "/srv/the \"100%%\" panel/agent/src/main.ts" serve`,
    )
    expect(unit).toContain('Environment=MALLOC_ARENA_MAX=1')
    expect(unit).toContain('EnvironmentFile=/etc/catalyst/catalyst-agent.env')
  })

  it('lets games survive the agent, and the agent come back always', () => {
    for (const line of ['KillMode=process', 'Restart=always', 'StartLimitIntervalSec=0']) expect(unit.split('\n')).toContain(line)
    expect(unit).toMatch(/^After=.*\bcontainerd\.service\b/m)
    // A restart of containerd must not stop the agent.
    expect(unit).not.toMatch(/^(Requires|BindsTo|PartOf)=/m)
  })
})

describe('renderSettings', () => {
  it('writes what it reads again', () => {
    const settings = { CATALYST_AGENT_API_URL: 'wss://panel.example/agent', LOG_LEVEL: 'info', ODD: String.raw`a "b" \c $d %e #f` }
    expect(parseSettings(renderSettings(settings))).toEqual(settings)
  })

  it('refuses what would begin another setting', () => {
    expect(() => renderSettings({ A: 'x\nB=y' })).toThrow(RangeError)
  })
})

describe('keptSettings', () => {
  const usual = { LOG_LEVEL: 'info', CONTAINERD_NAMESPACE: 'catalyst' }

  it('takes what the agent can be told from the environment, and nothing else', () => {
    const environment = { CATALYST_AGENT_METRICS_LISTEN: '127.0.0.1:9465', CATALYST_AGENT_FIRST_UID: '', HOME: '/root' }
    expect(keptSettings(usual, {}, environment)).toEqual({ ...usual, CATALYST_AGENT_METRICS_LISTEN: '127.0.0.1:9465' })
  })

  it('keeps what the service was told before, unless it is told anew', () => {
    const earlier = { LOG_LEVEL: 'debug', CATALYST_AGENT_METRICS_LISTEN: '[::1]:9465' }
    expect(keptSettings(usual, earlier, {})).toEqual({ ...usual, ...earlier })
    expect(keptSettings(usual, earlier, { LOG_LEVEL: 'info' })).toEqual({ ...usual, ...earlier, LOG_LEVEL: 'info' })
  })

  it('takes back what is passed on with an empty value, and lets nothing else go', () => {
    const earlier = { LOG_LEVEL: 'debug', CATALYST_AGENT_METRICS_LISTEN: '[::1]:9465' }
    expect(keptSettings(usual, earlier, { LOG_LEVEL: '', CATALYST_AGENT_METRICS_LISTEN: '' })).toEqual({ ...usual, LOG_LEVEL: 'debug' })
  })
})

describe('agentServiceOf', () => {
  it('keeps two products on one machine apart', () => {
    const other = agentServiceOf({ containerdNamespace: 'catalyst-b' })
    expect(other.unitFile).not.toBe(service.unitFile)
    expect(other.settingsFile).not.toBe(service.settingsFile)
  })
})
