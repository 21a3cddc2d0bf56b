import { describe, expect, it } from 'vitest'
import type { ServerState, ServerStatus } from '../../gql/graphql.ts'
import { byAttention, offeredPower, segments, shapes, takesCommands, waitingWish } from './server-state.ts'

const offered = (status: ServerStatus, state: ServerState, pendingRestart: object | null = null) =>
  offeredPower({ status, state, pendingRestart })

describe('server states', () => {
  it('puts every status into exactly one segment', () => {
    const all = Object.values(segments).flat()
    expect(all.toSorted()).toEqual(Object.keys(shapes).toSorted())
    expect(new Set(all).size).toBe(all.length)
  })

  it('sorts what needs eyes first, then by name', () => {
    const server = (name: string, status: ServerStatus) => ({ id: name, name, status })
    const sorted = [
      server('b', 'RUNNING'),
      server('arena 10', 'RUNNING'),
      server('arena 2', 'RUNNING'),
      server('x', 'STOPPED'),
      server('z', 'CRASHED'),
      server('y', 'STARTING'),
    ].toSorted(byAttention)
    expect(sorted.map(({ name }) => name)).toEqual(['z', 'y', 'arena 2', 'arena 10', 'b', 'x'])
  })

  it('takes commands as long as the game goes on', () => {
    const states: ServerState[] = ['STARTING', 'RUNNING', 'STOPPING', 'STOPPED', 'CRASHED']
    expect(states.filter(takesCommands)).toEqual(['STARTING', 'RUNNING', 'STOPPING'])
  })

  it('offers the orders of the last known state while the node is away', () => {
    expect(offered('UNKNOWN', 'RUNNING')).toEqual(['restart', 'stop', 'kill'])
    expect(offered('UNKNOWN', 'STOPPED')).toEqual(['start'])
  })

  it('shows no wish as waiting that wants what was there already', () => {
    const wish = (kind: 'START' | 'STOP' | 'KILL', state: ServerState) => waitingWish({ state, waitingCommand: { kind } })?.kind ?? null
    expect(wish('STOP', 'RUNNING')).toBe('STOP')
    expect(wish('START', 'RUNNING')).toBeNull()
    expect(wish('STOP', 'STOPPED')).toBeNull()
    expect(wish('KILL', 'STOPPED')).toBe('KILL')
    expect(waitingWish({ state: 'RUNNING', waitingCommand: null })).toBeNull()
  })

  it('lets the latest wish win while stopping', () => {
    expect(offered('STOPPING', 'STOPPING')).toContain('start')
    expect(offered('DELETING', 'STOPPING')).toEqual([])
  })

  it('lets people start a crashed server now, and refuse the restart that waits', () => {
    expect(offered('CRASHED', 'CRASHED')).toEqual(['start'])
    expect(offered('CRASHED', 'CRASHED', {})).toEqual(['start', 'stop'])
    expect(offered('UNKNOWN', 'CRASHED', {})).toEqual(['start', 'stop'])
  })
})
