import { describe, expect, it } from 'vitest'
import { createNewest } from './newest.ts'

const server = <Rest extends object>(revision: number, rest: Rest) => ({ __typename: 'Server', id: 'a', revision, ...rest })

describe('keepNewest', () => {
  it('lets an answer that was read earlier undo nothing that came first', () => {
    const keepNewest = createNewest()
    keepNewest({ serverEvents: { server: server(5, { status: 'RUNNING', name: 'Arena' }) } })
    const late = { startServer: { server: server(4, { status: 'STARTING', slug: 'abc' }) } }
    keepNewest(late)
    expect(late.startServer.server).toEqual(server(5, { status: 'RUNNING', slug: 'abc' }))
  })

  it('takes what is as new or newer, in lists too', () => {
    const keepNewest = createNewest()
    keepNewest(server(5, { status: 'RUNNING' }))
    const same = { servers: { nodes: [server(5, { status: 'UNKNOWN' })] } }
    keepNewest(same)
    expect(same.servers.nodes).toEqual([server(5, { status: 'UNKNOWN' })])
    const next = server(6, { status: 'STOPPED' })
    keepNewest(next)
    expect(next.status).toBe('STOPPED')
  })

  it('leaves alone what tells no revision, and other objects', () => {
    const keepNewest = createNewest()
    keepNewest(server(5, { status: 'RUNNING' }))
    const others = [{ __typename: 'Server', id: 'a', status: 'STARTING' }, { ...server(1, { status: 'STOPPED' }), id: 'b' }, null, 'text']
    const before = structuredClone(others)
    keepNewest(others)
    expect(others).toEqual(before)
  })
})
