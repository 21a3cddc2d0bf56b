import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConsole } from '../support/console-reader.ts'
import { startProduct, type Product } from '../support/product.ts'
import { createServer, deleteServer, power, sendConsoleCommand, templateId } from '../support/scenario.ts'
import { fetchServer, untilServer } from '../support/server-query.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'
import { GETSTATUS, udpQuery } from '../support/udp-query.ts'

let product: Product
let client: ThirdParty

beforeAll(async () => {
  product = await startProduct({ name: 'third', firstGamePort: 25640 })
  client = await product.administrator()
})

afterAll(async () => {
  await client.dispose()
  await product.dispose()
})

it('runs a real game from creation to deletion with fetch and a generic graphql-ws client', async () => {
  const id = await createServer(client, {
    name: 'Arena',
    templateId: await templateId(client, 'openarena'),
    memoryMiB: 512,
    cpuPercent: 100,
    diskMiB: 1024,
    start: true,
  })
  const server = await untilServer(client, id, (view) => view.status === 'RUNNING', 240_000)
  const port = server.allocations.find((allocation) => allocation.isPrimary)?.port ?? 0
  expect(port).toBeGreaterThanOrEqual(product.firstGamePort)

  const reader = readConsole(() => createThirdParty(product.url, client.token), id)
  try {
    await reader.until((output) => output.length > 0, 30_000)
    expect(await sendConsoleCommand(client, id, 'status')).toBe('DONE')
    await reader.until((output) => output.includes('cl score ping'), 15_000)
    expect(reader.events).toContainEqual(expect.objectContaining({ kind: 'INPUT', text: 'status\n' }))

    const answer = await udpQuery(port, GETSTATUS, 15_000)
    expect(answer.toString('latin1')).toContain('statusResponse')

    for await (const data of client.iterate<{ serverMetrics: { memoryBytes: number; memoryLimitBytes: number; processCount: number } }>(
      'subscription ($id: ID!) { serverMetrics(serverId: $id) { memoryBytes memoryLimitBytes processCount } }',
      { id },
    )) {
      expect(data.serverMetrics.memoryBytes).toBeGreaterThan(1 << 20)
      expect(data.serverMetrics.memoryLimitBytes).toBe(512 * 2 ** 20)
      expect(data.serverMetrics.processCount).toBeGreaterThan(0)
      break
    }

    await power(client, 'restart', id)
    await reader.until((output) => output.split('InitGame').length > 2, 60_000)
    await untilServer(client, id, (view) => view.status === 'RUNNING', 60_000)

    await power(client, 'stop', id)
    const stopped = await untilServer(client, id, (view) => view.status === 'STOPPED', 60_000)
    expect(stopped).toMatchObject({ state: 'STOPPED', desiredState: 'STOPPED', lastExit: { reason: 'STOPPED' } })
    expect(reader.violations).toEqual([])
  } finally {
    await reader.stop()
  }

  await deleteServer(client, id)
  expect(await fetchServer(client, id)).toBeNull()
})

it('says which port another program of the machine has, and starts when it is free', async () => {
  const port = product.firstGamePort + 5
  const other = createSocket('udp4')
  other.bind(port, '127.0.0.1')
  await once(other, 'listening')
  const id = await createServer(client, {
    name: 'Unlucky',
    templateId: await templateId(client, 'teeworlds'),
    memoryMiB: 64,
    cpuPercent: 50,
    diskMiB: 64,
    ports: [{ name: 'game', port }],
    start: true,
  })
  const refused = await untilServer(client, id, (view) => view.problem !== null, 120_000)
  expect(refused).toMatchObject({ status: 'ERROR', desiredState: 'STOPPED', problem: { code: 'PORT_IN_USE' } })

  const closed = once(other, 'close')
  other.close()
  await closed
  await power(client, 'start', id)
  expect(await untilServer(client, id, (view) => view.status === 'RUNNING', 30_000)).toMatchObject({ problem: null })
  await deleteServer(client, id)
})
