import { describe, expect, it } from 'vitest'
import type { ServerStatus } from '../../gql/graphql.ts'
import { inApp } from '../../test-app.ts'
import { useServerWords } from './server-words.ts'

const AT = Date.parse('2026-01-01T12:00:00.000Z')
const inSeconds = (seconds: number) => new Date(AT + seconds * 1000).toISOString()
const server = (status: ServerStatus, more: object = {}) => ({
  status,
  state: 'RUNNING' as const,
  desiredState: 'RUNNING' as const,
  stateObservedAt: inSeconds(-60),
  problem: null,
  lastExit: null,
  pendingRestart: null,
  waitingCommand: null,
  installation: null,
  node: { name: 'hel-1' },
  template: { name: 'OpenArena', version: '0.8.8' },
  ...more,
})
const pendingRestart = { attempt: 3, maximum: 5, at: inSeconds(40), reason: 'OUT_OF_MEMORY' }
const words = async () => (await inApp(useServerWords)).result.value

describe('words for a server', () => {
  it('names what ended a game, and the next try', async () => {
    const { detail } = await words()
    const crashed = server('CRASHED', { lastExit: { code: 137, reason: 'OUT_OF_MEMORY' }, pendingRestart })
    expect(detail(crashed, AT)).toEqual({ text: 'Out of memory, restart 3 of 5 in 40s', tone: 'danger' })
    expect(detail(crashed, AT + 41_000).text).toBe('Out of memory, restart 3 of 5 now')
    expect(detail({ ...crashed, lastExit: null }, AT).text).toBe('Out of memory, restart 3 of 5 in 40s')
  })

  it('names the exit code of a crash that nothing follows', async () => {
    const { detail } = await words()
    expect(detail(server('CRASHED', { lastExit: { code: 139, reason: 'CRASHED' } }), AT).text).toBe('Exit code 139')
    expect(detail(server('CRASHED', { lastExit: { code: null, reason: 'CRASHED' } }), AT).text).toBe('Crashed')
  })

  it('says that a wish waits for its node, and since when, before all else', async () => {
    const { detail } = await words()
    const waiting = server('UNKNOWN', { waitingCommand: { kind: 'STOP', createdAt: inSeconds(-5) }, pendingRestart })
    expect(detail(waiting, AT).text).toMatch(/^Stopping, waiting for node hel-1, sent \d\d:\d\d:\d\d$/)
  })

  it('dates what is only the last known', async () => {
    const { detail } = await words()
    expect(detail(server('UNKNOWN'), AT)).toEqual({ text: expect.stringMatching(/^Was “Running” at \d\d:/) as string, tone: 'warning' })
    // The count-down of a node that is away would be a guess.
    expect(detail(server('UNKNOWN', { pendingRestart }), AT).text).toMatch(/^Was/)
  })

  it('names the game when all is well, and what follows a stop', async () => {
    const { detail, word } = await words()
    expect(detail(server('RUNNING'), AT)).toEqual({ text: 'OpenArena 0.8.8', tone: 'faint' })
    expect(word(server('STOPPING'))).toBe('Stopping, then starts')
    expect(word({ ...server('STOPPING'), desiredState: 'STOPPED' })).toBe('Stopping')
  })
})
