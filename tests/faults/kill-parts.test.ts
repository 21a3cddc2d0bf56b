import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readConsole } from '../support/console-reader.ts'
import { startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate, power } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

let product: Product
let administrator: ThirdParty
let token: string

beforeAll(async () => {
  product = await startProduct({ name: 'kill', firstGamePort: 25620 })
  administrator = await product.administrator()
  token = administrator.token
})

afterAll(async () => {
  await administrator.dispose()
  await product.dispose()
})

/** Process ids of the printer's counting processes with their start times: the same pair means the same process. */
function games(): string[] {
  const pids = execFileSync('pgrep', ['-f', 'catalyst-printer']).toString().trim().split('\n')
  return pids.map((pid) => `${pid} ${readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21] ?? ''}`)
}

// 200 numbered lines a second for 30 s on both streams, while agent and api are killed three times each.
it('keeps the game and every line of it when agent and api are killed', async () => {
  const template = await importTestTemplate(administrator, 'printer')
  const id = await createServer(administrator, {
    name: 'Printer',
    templateId: template,
    memoryMiB: 64,
    cpuPercent: 100,
    diskMiB: 64,
    start: true,
  })
  const reader = readConsole(() => createThirdParty(product.url, token), id)
  try {
    await untilServer(administrator, id, (server) => server.status === 'RUNNING', 120_000)
    await reader.until((output) => output.includes('out 50\n'), 20_000)
    const before = games()

    for (const part of ['agent', 'api', 'agent', 'api', 'agent', 'api'] as const) {
      await product.kill(part)
      // The moment of the next kill is meant to be arbitrary; the game prints for 30 s.
      await delay(1500)
    }

    const output = await reader.until((text) => text.includes('out 6000\n') && text.includes('err 6000\n'), 90_000)
    expect(games()).toEqual(before)
    expect(reader.violations).toEqual([])
    expect(reader.reconnects).toBeGreaterThanOrEqual(3)
    for (const stream of ['out', 'err']) {
      const numbers = [...output.matchAll(new RegExp(`^${stream} (\\d+)$`, 'gm'))].map((match) => Number(match[1]))
      expect(numbers).toEqual(Array.from({ length: 6000 }, (_, index) => index + 1))
    }
    const server = await untilServer(administrator, id, (view) => view.status === 'RUNNING' && !view.isStale, 60_000)
    expect(server).toMatchObject({ state: 'RUNNING', desiredState: 'RUNNING', problem: null })
  } finally {
    await reader.stop()
  }
  await power(administrator, 'kill', id)
  await untilServer(administrator, id, (view) => view.status === 'STOPPED', 30_000)
})
