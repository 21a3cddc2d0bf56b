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
  it('names every problem at once', () => {
    const read = () => parseEnv({ CATALYST_HTTP_PORT: '70000', CATALYST_PUBLIC_URL: 'ftp://x', CATALYST_ADMIN_PASSWORD: 'short' })
    expect(read).toThrow(/CATALYST_HTTP_PORT[\s\S]*CATALYST_PUBLIC_URL[\s\S]*DATABASE_URL[\s\S]*CATALYST_ADMIN_PASSWORD/)
  })
})
