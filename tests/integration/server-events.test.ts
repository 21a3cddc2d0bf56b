import { afterAll, beforeAll, expect, it } from 'vitest'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { deleteServer, power } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let fleet: Fleet
let tenant: ThirdParty

type Event = { serverEvents: { __typename: string; sequence: number; server: { id: string; status: string } } }

beforeAll(async () => {
  fleet = await startFleet()
  tenant = await fleet.api.user('tenant')
})

afterAll(async () => {
  await fleet.dispose()
})

it('tells every visible change in order, the node’s coming and going too, and nothing of others', async () => {
  const own = await installedServer(fleet, tenant)
  const events = tenant.iterate<Event>('subscription { serverEvents { __typename sequence server { id status } } }')
  const seen: Event['serverEvents'][] = []
  /** Reads on until a change is accepted. */
  const until = async (accept: (event: Event['serverEvents']) => boolean) => {
    for (;;) {
      const { value } = await events.next()
      if (value == null) throw new Error('the events ended')
      seen.push(value.serverEvents)
      if (accept(value.serverEvents)) return
    }
  }
  const becomes = (status: string) => until((event) => event.server.status === status)

  // Nobody is told when a subscription is live: wishes are repeated until the first change arrives.
  const first = { isSeen: false }
  const live = until(() => true).then(() => {
    first.isSeen = true
  })
  for (let verb: 'start' | 'stop' = 'start'; !first.isSeen; verb = verb === 'start' ? 'stop' : 'start') await power(tenant, verb, own)
  await live
  await installedServer(fleet)
  await power(tenant, 'restart', own)
  await becomes('STARTING')
  await fleet.agent.report(own, { state: 'RUNNING', generation: 99 })
  await becomes('RUNNING')
  await fleet.agent.close()
  await becomes('UNKNOWN')
  await deleteServer(tenant, own)
  await until((event) => event.__typename === 'ServerDeletedEvent' && event.server.status === 'DELETING')
  await events.return(undefined)

  expect(new Set(seen.map((event) => event.server.id))).toEqual(new Set([own]))
  const sequences = seen.map((event) => event.sequence)
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
})
