import { expect, it } from 'vitest'
import { inApp } from '../../test-app.ts'
import type { Bucket } from './buckets.ts'
import { serverCharts } from './chart-specs.ts'
import { useChartWords } from './use-chart-words.ts'

const HOUR = 3_600_000
const START = new Date(2026, 10, 26, 1).getTime()
const band = (value: number) => ({ minimum: value / 2, average: value, maximum: value * 1.5 })
const buckets = [100, null, 300].map((value, index) => ({
  at: START + index * HOUR,
  cpuPercent: value === null ? null : band(value),
  networkTxBytesPerSecond: value === null ? null : band(value * 1000),
  networkRxBytesPerSecond: value === null ? null : band(value * 10),
})) as unknown as Bucket[]
const [cpu, , network] = serverCharts({ memoryMiB: 512, cpuPercent: 400, diskMiB: 1024 })
const plain = (text: string) => text.replaceAll('\u00a0', ' ')
const gap = { from: START + HOUR, to: START + 2 * HOUR, cause: 'STOPPED' as const }

it('says a chart in one sentence', async () => {
  const { result: words } = await inApp(useChartWords)
  expect(plain(words.sentence(cpu!, { key: '24h' }, buckets, HOUR, [gap, { ...gap, cause: 'BEFORE' }]))).toBe(
    'CPU, 24 h: average 200 %, highest 450 % at 03:00, limit 400 %, 1 gap',
  )
  expect(plain(words.sentence(network!, { key: '7d' }, buckets, HOUR, []))).toBe(
    'Network, 7 d: out average 200 kB/s, highest 450 kB/s at 03:00, in average 2 kB/s, highest 4.5 kB/s at 03:00',
  )
  expect(plain(words.sentence(cpu!, { from: START, to: START + HOUR }, [], HOUR, []))).toMatch(
    /^CPU, Nov 26 01:00 to 02:00: nothing measured, limit 400 %$/,
  )
})

it('reads out all of a range, a step, and a gap', async () => {
  const { result: words } = await inApp(useChartWords)
  const text = (found: readonly { text: string }[]) => plain(found.map((word) => word.text).join(' '))
  expect(text(words.summary(cpu!, buckets))).toBe('avg 200 % max 450 %')
  expect(text(words.summary(network!, buckets))).toBe('avg out 200 kB/s in 2 kB/s')
  expect(text(words.point(cpu!, buckets[2]!, HOUR, 24 * HOUR, [gap]))).toBe('03:00 300 % 150 % to 450 %')
  expect(text(words.point(cpu!, buckets[1]!, HOUR, 24 * HOUR, [gap]))).toBe('02:00 stopped 1h')
  expect(text(words.point(cpu!, buckets[1]!, HOUR, 24 * HOUR, []))).toBe('02:00 no data')
  expect(text(words.summary(cpu!, []))).toBe('no data')
})

it('explains marks and gaps, those of a kind together', async () => {
  const { result: words } = await inApp(useChartWords)
  const crash = (at: number) => ({ at, kind: 'CRASH' as const, reason: 'OUT_OF_MEMORY' })
  const texts = (entries: readonly { text: string }[]) => entries.map((entry) => plain(entry.text))
  expect(texts(words.explain([crash(START)], [gap]))).toEqual(['Crash Nov 26 01:00, out of memory', 'Stopped Nov 26 02:00 to 03:00 (1h)'])
  expect(texts(words.explain([crash(START), crash(START + HOUR)], [gap, gap]))).toEqual([
    '2 crashes, out of memory, last Nov 26 02:00',
    'Stopped 2 times (2h in all), last Nov 26 02:00 to 03:00',
  ])
})
