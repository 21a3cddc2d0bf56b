import { describe, expect, it } from 'vitest'
import { EnvError, readEnv } from './env.ts'

describe('readEnv', () => {
  it('has defaults for everything', () => {
    expect(readEnv({})).toEqual({
      apiUrl: 'ws://127.0.0.1:3000/agent',
      enrolmentToken: null,
      folder: '/var/lib/catalyst/agent',
      containerdSocket: '/run/containerd/containerd.sock',
      namespace: 'catalyst',
      uids: { first: 200_000, last: 265_535 },
      metrics: null,
      logLevel: 'info',
    })
  })

  it('takes an empty value as none', () => {
    expect(readEnv({ CATALYST_AGENT_ENROLMENT_TOKEN: '', LOG_LEVEL: '' })).toMatchObject({ enrolmentToken: null, logLevel: 'info' })
  })

  it('leaves out the space around a value', () => {
    const source = { CATALYST_AGENT_API_URL: ' WSS://api.example/agent\n', CATALYST_AGENT_FIRST_UID: ' 2000 ', LOG_LEVEL: '  ' }
    expect(readEnv(source)).toMatchObject({ apiUrl: 'WSS://api.example/agent', uids: { first: 2000 }, logLevel: 'info' })
  })

  it('serves Prometheus on loopback unless an address is given', () => {
    const read = (listen: string) => readEnv({ CATALYST_AGENT_METRICS_LISTEN: listen }).metrics
    expect(read('9465')).toEqual({ host: '127.0.0.1', port: 9465 })
    expect(read('[::]:9465')).toEqual({ host: '::', port: 9465 })
    for (const listen of ['70000', 'here', '10.0.0.1:']) expect(() => read(listen)).toThrow('CATALYST_AGENT_METRICS_LISTEN')
  })

  it('names every problem at once', () => {
    const broken = () =>
      readEnv({ CATALYST_AGENT_API_URL: 'http://api', CONTAINERD_NAMESPACE: 'Not Good', LOG_LEVEL: 'loud', CATALYST_AGENT_FIRST_UID: '0' })
    expect(broken).toThrow(EnvError)
    for (const name of ['CATALYST_AGENT_API_URL', 'CONTAINERD_NAMESPACE', 'LOG_LEVEL', 'CATALYST_AGENT_FIRST_UID'])
      expect(broken).toThrow(name)
  })

  it.each(['ws://localhost:3000/agent', 'ws://127.0.0.1/agent', 'ws://[::1]:3000/agent', 'wss://api.example/agent'])('dials %s', (url) => {
    expect(readEnv({ CATALYST_AGENT_API_URL: url }).apiUrl).toBe(url)
  })

  it('dials another machine without encryption only when allowed', () => {
    const source = { CATALYST_AGENT_API_URL: 'ws://api.example/agent' }
    expect(() => readEnv(source)).toThrow('CATALYST_AGENT_ALLOW_INSECURE')
    const allow = (word: string) => readEnv({ ...source, CATALYST_AGENT_ALLOW_INSECURE: word }).apiUrl
    for (const word of ['true', '1', 'yes', 'on', 'y', 'enabled', 'TRUE', 'Yes']) expect(allow(word)).toBe('ws://api.example/agent')
    for (const word of ['false', '0', 'no', 'off', 'n', 'disabled', 'False']) expect(() => allow(word)).toThrow('plain ws://')
    expect(() => allow('maybe')).toThrow('is true or false')
  })

  it('wants room for users', () => {
    expect(() => readEnv({ CATALYST_AGENT_FIRST_UID: '300000' })).toThrow('CATALYST_AGENT_LAST_UID')
  })

  it('takes users that the kernel can have', () => {
    expect(readEnv({ CATALYST_AGENT_LAST_UID: '4294967294' }).uids.last).toBe(4_294_967_294)
    for (const name of ['CATALYST_AGENT_FIRST_UID', 'CATALYST_AGENT_LAST_UID'])
      expect(() => readEnv({ [name]: '4294967295' })).toThrow(`${name}: is at most 4294967294`)
  })
})
