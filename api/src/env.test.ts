import { describe, expect, it } from 'vitest'
import { parseEnv } from './env.ts'

describe('parseEnv', () => {
  it('has defaults, and takes empty values for unset ones', () => {
    expect(parseEnv({ DATABASE_URL: 'postgresql://localhost/x', CATALYST_PUBLIC_URL: '', LOG_LEVEL: '' })).toEqual({
      host: '127.0.0.1',
      httpPort: 3000,
      publicUrl: null,
      databaseUrl: 'postgresql://localhost/x',
      mongodbUrl: null,
      prometheus: null,
      metricsRetention: { sampleDays: 7, fiveMinuteDays: 90, hourDays: 730 },
      dashboardDir: null,
      logLevel: 'info',
      administrator: null,
    })
  })
  it('drops the slash of the public address', () => {
    expect(parseEnv({ DATABASE_URL: 'postgres://localhost/x', CATALYST_PUBLIC_URL: 'https://games.example.test/' }).publicUrl).toBe(
      'https://games.example.test',
    )
  })
  it('serves Prometheus behind a token, or at an address of its own', () => {
    const read = (more: object) => parseEnv({ DATABASE_URL: 'postgres://localhost/x', ...more }).prometheus
    const token = 'a-token-of-some-length'
    expect(read({ CATALYST_METRICS_TOKEN: token })).toEqual({ token, listen: null })
    expect(read({ CATALYST_METRICS_LISTEN: '[::1]:9464' })).toEqual({ token: null, listen: { host: '::1', port: 9464 } })
    expect(() => read({ CATALYST_METRICS_TOKEN: 'short' })).toThrow('CATALYST_METRICS_TOKEN')
    for (const listen of ['9464', '127.0.0.1:', '127.0.0.1:70000'])
      expect(() => read({ CATALYST_METRICS_LISTEN: listen })).toThrow('CATALYST_METRICS_LISTEN')
  })
  it('names every problem at once', () => {
    const read = () => parseEnv({ CATALYST_HTTP_PORT: '70000', CATALYST_PUBLIC_URL: 'ftp://x', CATALYST_ADMIN_PASSWORD: 'short' })
    expect(read).toThrow(/CATALYST_HTTP_PORT[\s\S]*CATALYST_PUBLIC_URL[\s\S]*DATABASE_URL[\s\S]*CATALYST_ADMIN_PASSWORD/)
  })
})
