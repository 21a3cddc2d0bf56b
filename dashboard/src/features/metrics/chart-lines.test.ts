import { describe, expect, it } from 'vitest'
import { columnsOf, lonelyPlaces, topOf } from '../../components/chart-options.ts'
import { createFormat } from '../../lib/format.ts'
import type { Bucket } from './buckets.ts'
import { chartLines } from './chart-lines.ts'
import { nodeCharts, serverCharts } from './chart-specs.ts'
import { chartUnits } from './chart-units.ts'
import { metricsCsv } from './metrics-csv.ts'

const band = (value: number) => ({ minimum: value - 1, average: value, maximum: value + 1 })
const buckets = [
  { at: 60_000, cpuPercent: band(10), memoryBytes: band(100), networkTxBytesPerSecond: band(5), networkRxBytesPerSecond: band(7) },
  { at: 120_000, cpuPercent: null, memoryBytes: null, networkTxBytesPerSecond: null, networkRxBytesPerSecond: null },
  { at: 180_000, cpuPercent: band(30), memoryBytes: band(300), networkTxBytesPerSecond: band(0), networkRxBytesPerSecond: null },
] as unknown as Bucket[]
const limits = { memoryMiB: 512, cpuPercent: 150, diskMiB: 1024 }
const spec = (key: string) => serverCharts(limits).find((chart) => chart.key === key)!

describe('lines of a chart', () => {
  it('are average, lowest and highest, with a gap where nothing was measured', () => {
    expect(chartLines(spec('cpu'), buckets, String)).toEqual([
      { label: '', values: [10, null, 30], low: [9, null, 29], high: [11, null, 31], colour: 'accent', isDashed: false, isLevel: false },
    ])
  })

  it('are told apart by colour and dash, and zero is a value', () => {
    const [out, incoming] = chartLines(spec('network'), buckets, (name) => name.toUpperCase())
    expect(out).toMatchObject({ label: 'OUT', values: [5, null, 0], colour: 'accent', isDashed: false })
    expect(incoming).toMatchObject({ label: 'IN', values: [7, null, null], colour: 'series-2', isDashed: true })
  })

  it('of a node are per cent of all cores, and bits', () => {
    const charts = nodeCharts({ ...limits, cpuPercent: 200 }, buckets)
    const lines = (key: string) =>
      chartLines(
        charts.find((chart) => chart.key === key)!,
        buckets,
        String,
      )
    expect(lines('nodeCpu')[0]?.values).toEqual([5, null, 15])
    expect(lines('network')[0]?.values).toEqual([40, null, 0])
    expect(nodeCharts(null, buckets)[0]).toMatchObject({ scale: 1, limit: null })
  })
})

describe('what uPlot is given', () => {
  it('has high and low before the value they surround, and levels alone', () => {
    const at = [60, 120, 180]
    expect(columnsOf({ at, lines: chartLines(spec('cpu'), buckets, String) })).toEqual([at, [11, null, 31], [9, null, 29], [10, null, 30]])
    expect(columnsOf({ at, lines: chartLines(spec('memory'), buckets, String) })).toEqual([at, [100, null, 300]])
  })

  it('draws values without neighbours as points', () => {
    expect(lonelyPlaces([1, null, 2, 3, null, 4])).toEqual([0, 5])
    expect(lonelyPlaces([null, undefined, 0, null])).toEqual([2])
  })

  it('ends a tenth above the limit, or above what passes it', () => {
    expect(topOf(50, 100)).toBeCloseTo(110)
    expect(topOf(200, 100)).toBeCloseTo(220)
    expect(topOf(50, null)).toBeCloseTo(55)
    expect(topOf(null, null)).toBe(1)
  })
})

describe('units', () => {
  const units = chartUnits(createFormat('en-GB'))
  it.each([
    ['percent', 0.42, '0.4 %'],
    ['percent', 187.4, '187 %'],
    ['bits', 48_200_000, '48 Mbit/s'],
    ['bits', 2_500_000_000, '2.5 Gbit/s'],
    ['bits', 800, '0.8 kbit/s'],
    ['load', 9.4, '9.4'],
    ['count', 12, '12'],
  ] as const)('%s writes %d as %s', (unit, value, text) => {
    expect(units[unit].format(value).replaceAll('\u00a0', ' ')).toBe(text)
  })
})

it('writes all values as CSV, empty where nothing was measured', () => {
  expect(metricsCsv(buckets, ['cpuPercent', 'networkRxBytesPerSecond'])).toBe(
    [
      'at,cpuPercent minimum,cpuPercent average,cpuPercent maximum,networkRxBytesPerSecond minimum,networkRxBytesPerSecond average,networkRxBytesPerSecond maximum',
      '1970-01-01T00:01:00.000Z,9,10,11,6,7,8',
      '1970-01-01T00:02:00.000Z,,,,,,',
      '1970-01-01T00:03:00.000Z,29,30,31,,,',
      '',
    ].join('\r\n'),
  )
})
