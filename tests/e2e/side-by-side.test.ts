import { afterAll, beforeAll, expect, it } from 'vitest'
import { hostTraces } from '../support/host-traces.ts'
import { startProduct, type Product } from '../support/product.ts'
import { createServer, deleteServer, power, templateId } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'
import { TOKEN_REQUEST, udpQuery } from '../support/udp-query.ts'

type Side = { product: Product; client: ThirdParty; serverId: string; port: number }
const sides: Side[] = []

beforeAll(async () => {
  for (const [name, firstGamePort] of [
    ['left', 25660],
    ['right', 25680],
  ] as const) {
    const product = await startProduct({ name, firstGamePort })
    const client = await product.administrator()
    sides.push({ product, client, serverId: '', port: 0 })
  }
})

afterAll(async () => {
  for (const { product, client } of sides) {
    await client.dispose()
    await product.dispose()
  }
  for (const { product } of sides) expect(hostTraces(product.namespace, product.dataDir)).toEqual([])
})

it('runs two products on one machine that do not meet', async () => {
  for (const side of sides) {
    side.serverId = await createServer(side.client, {
      name: 'Same name',
      templateId: await templateId(side.client, 'teeworlds'),
      memoryMiB: 64,
      cpuPercent: 50,
      diskMiB: 64,
      start: true,
    })
  }
  for (const side of sides) {
    const server = await untilServer(side.client, side.serverId, (view) => view.status === 'RUNNING', 240_000)
    side.port = server.allocations[0]?.port ?? 0
  }
  const [left, right] = sides
  if (left === undefined || right === undefined) throw new Error('both sides run')

  // Everything of the left one goes; the right one does not notice.
  const agent = await right.product.pid('agent')
  await power(left.client, 'stop', left.serverId)
  await untilServer(left.client, left.serverId, (view) => view.status === 'STOPPED', 30_000)
  await deleteServer(left.client, left.serverId)
  await left.product.dispose()
  expect(hostTraces(left.product.namespace, left.product.dataDir)).toEqual([])

  expect(await right.product.pid('agent')).toBe(agent)
  const server = await untilServer(right.client, right.serverId, (view) => view.status === 'RUNNING', 5000)
  expect(server.isStale).toBe(false)
  expect((await udpQuery(right.port, TOKEN_REQUEST, 10_000)).length).toBeGreaterThan(0)
})
