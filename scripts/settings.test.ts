import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readSettings, SettingsError } from './settings.ts'

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (/^(CATALYST_|CONTAINERD_|DATABASE_URL|LOG_LEVEL)/.test(name)) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

test('the defaults are those of the documentation', async () => {
  expect(await readSettings()).toMatchObject({
    host: '127.0.0.1',
    httpPort: 3000,
    publicUrl: 'http://localhost:3000',
    nodePorts: { first: 25500, last: 25599 },
    databaseUrl: null,
    containerdSocket: '/run/containerd/containerd.sock',
    isContainerdSocketChosen: false,
    containerdNamespace: 'catalyst',
    logLevel: 'info',
    administrator: { email: null, password: null },
  })
})

test('the public address follows the port and loses its last slash', async () => {
  vi.stubEnv('CATALYST_HTTP_PORT', '8080')
  expect((await readSettings()).publicUrl).toBe('http://localhost:8080')
  vi.stubEnv('CATALYST_PUBLIC_URL', 'https://games.example.test/')
  expect((await readSettings()).publicUrl).toBe('https://games.example.test')
})

test('an empty value is the same as none', async () => {
  vi.stubEnv('DATABASE_URL', '')
  vi.stubEnv('CATALYST_HTTP_PORT', '')
  expect(await readSettings()).toMatchObject({ databaseUrl: null, httpPort: 3000 })
})

test('every problem is reported at once, by name', async () => {
  vi.stubEnv('CATALYST_HTTP_PORT', '70000')
  vi.stubEnv('CATALYST_NODE_PORTS', '25599-25500')
  vi.stubEnv('DATABASE_URL', 'mysql://localhost/x')
  vi.stubEnv('CATALYST_AGENT_API_URL', 'http://api.example.test/agent')
  vi.stubEnv('CONTAINERD_NAMESPACE', 'Big Name')
  vi.stubEnv('LOG_LEVEL', 'loud')
  const error: unknown = await readSettings().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(SettingsError)
  for (const name of [
    'CATALYST_HTTP_PORT',
    'CATALYST_NODE_PORTS',
    'DATABASE_URL',
    'CATALYST_AGENT_API_URL',
    'CONTAINERD_NAMESPACE',
    'LOG_LEVEL',
  ]) {
    expect((error as SettingsError).message).toContain(name)
  }
})
