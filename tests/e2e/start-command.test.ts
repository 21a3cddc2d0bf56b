import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConsole } from '../support/console-reader.ts'
import { hostTraces } from '../support/host-traces.ts'
import { startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate } from '../support/scenario.ts'
import { fetchServer, untilServer } from '../support/server-query.ts'
import { createThirdParty } from '../support/third-party.ts'

let product: Product

beforeAll(async () => {
  product = await startProduct({ name: 'cmd', firstGamePort: 25600 })
})

afterAll(async () => {
  await product.dispose()
})

const games = () => execFileSync('pgrep', ['-f', 'catalyst-printer']).toString()

it('keeps games through Ctrl-C and a second start, and leaves nothing after down', async () => {
  expect(product.printed()).toContain(product.url)
  const first = await product.administrator()
  const template = await importTestTemplate(first, 'printer')
  const id = await createServer(first, { name: 'Printer', templateId: template, memoryMiB: 64, cpuPercent: 100, diskMiB: 64, start: true })
  await untilServer(first, id, (server) => server.status === 'RUNNING', 120_000)
  const before = games()
  await first.dispose()

  expect(await product.stop()).toBe(0)
  await expect(fetch(`${product.url}/healthz`)).rejects.toThrow()
  expect(games()).toBe(before)

  await product.start()
  const second = await product.administrator()
  const server = await untilServer(second, id, (view) => view.status === 'RUNNING', 30_000)
  expect(server.isStale).toBe(false)
  expect(games()).toBe(before)

  // What was printed while everything was down is there, without a gap.
  const reader = readConsole(() => createThirdParty(product.url, second.token), id)
  const output = await reader.until((text) => text.includes('out 6000\n'), 60_000)
  expect(reader.violations).toEqual([])
  expect([...output.matchAll(/^out \d+$/gm)]).toHaveLength(6000)
  await reader.stop()
  expect(await fetchServer(second, id)).not.toBeNull()
  await second.dispose()

  const password = await stat(path.join(product.dataDir, 'api', 'secrets', 'admin-password')).catch(() => null)
  if (password !== null) expect(password.mode & 0o777).toBe(0o600)

  await product.dispose()
  expect(hostTraces(product.namespace, product.dataDir)).toEqual([])
})
