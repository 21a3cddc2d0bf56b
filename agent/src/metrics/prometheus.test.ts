import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { servePrometheus } from './prometheus.ts'

it('tells figures and process, and serves nothing else', async () => {
  const endpoint = await servePrometheus(
    { host: '127.0.0.1', port: 0 },
    {
      servers: () => new Map([['RUNNING', 2]]),
      isConnected: () => true,
      waiting: () => new Map([['samples', 7]]),
      consoleBytes: () => 12,
    },
  )
  const url = `http://127.0.0.1:${String(endpoint.port)}`
  const text = await (await fetch(`${url}/metrics`)).text()
  for (const line of [
    'catalyst_agent_servers{state="RUNNING"} 2',
    'catalyst_agent_waiting{kind="samples"} 7',
    'catalyst_agent_connected 1',
    'catalyst_agent_console_unstored_bytes 12',
  ])
    expect(text).toContain(line)
  const dashboard = readFileSync(path.resolve(import.meta.dirname, '../../../templates/grafana/catalyst.json'), 'utf8')
  const shown = new Set(dashboard.match(/catalyst_agent_[a-z_]+/g))
  expect([...shown].filter((name) => !text.includes(`# TYPE ${name} gauge`))).toEqual([])
  expect(shown.size).toBe(4)
  expect(text).toMatch(/^process_resident_memory_bytes \d+/m)
  expect((await fetch(url)).status).toBe(404)
  await endpoint.close()
  await expect(fetch(`${url}/metrics`)).rejects.toThrow()
})
