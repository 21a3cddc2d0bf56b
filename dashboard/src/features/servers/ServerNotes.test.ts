import { afterEach, describe, expect, it } from 'vitest'
import { show } from '../../test-app.ts'
import ServerNotes from './ServerNotes.vue'

const SOON = new Date(Date.now() + 40_000).toISOString()
const NOW = new Date().toISOString()
const orders: string[] = []
const power = { sending: () => null, order: async (verb: string) => orders.push(verb) }
const server = {
  id: '1',
  name: 'Arena',
  status: 'RUNNING',
  state: 'RUNNING',
  isStale: false,
  stateObservedAt: NOW,
  problem: null,
  lastExit: null,
  pendingRestart: null,
  waitingCommand: null,
  needsRestart: false,
  node: { name: 'hel-1' },
  viewerCanRestart: true,
}
let shown: Awaited<ReturnType<typeof show>>
const notes = async (more: object) => {
  shown = await show(ServerNotes, { server: { ...server, ...more }, power, isInstalling: false })
  return shown
}

afterEach(() => {
  shown.end()
  orders.length = 0
})

describe('ServerNotes', () => {
  it('says nothing when all is well', async () => {
    expect((await notes({})).text()).toBe('')
  })

  it('lets people take back a wish that waits for its node', async () => {
    const waitingCommand = { id: 'c', kind: 'STOP', createdAt: NOW, deadline: SOON, expires: false }
    const { text, press } = await notes({ status: 'UNKNOWN', isStale: true, waitingCommand })
    expect(text()).toMatch(/^Stopping, waiting for node hel-1\. Sent \d\d:\d\d:\d\d, done when the node answers\. Was “Running” at/)
    press('Withdraw')
    expect(orders).toEqual(['start'])
  })

  it('says when an order that cannot wait for ever is given up', async () => {
    const waitingCommand = { id: 'c', kind: 'KILL', createdAt: NOW, deadline: SOON, expires: true }
    const { text, buttons } = await notes({ status: 'UNKNOWN', isStale: true, waitingCommand })
    expect(text()).toMatch(/^Killing, waiting for node hel-1\. Sent .*, given up at .* unless the node answers before/)
    expect(buttons()).not.toContain('Withdraw')
  })

  it('names the reason of a crash and the time of the next try', async () => {
    const pendingRestart = { attempt: 3, maximum: 5, at: SOON, reason: 'OUT_OF_MEMORY' }
    const { text } = await notes({ status: 'CRASHED', lastExit: { code: 137, reason: 'OUT_OF_MEMORY', at: NOW }, pendingRestart })
    expect(text()).toMatch(/^Out of memory, restart 3 of 5 in (39|40)s\. It is started again at/)
  })

  it('offers the restart that settings wait for, and not while the connection is lost', async () => {
    const { text, press, connection } = await notes({ needsRestart: true })
    expect(text()).toContain('Some settings wait for a restart.')
    press('Restart now')
    expect(orders).toEqual(['restart'])
    connection.closed()
  })
})
