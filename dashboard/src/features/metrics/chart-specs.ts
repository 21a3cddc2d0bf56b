import { isMeasured, type Bucket, type Measure } from './buckets.ts'
import type { UnitName } from './chart-units.ts'

export const LINE_NAMES = ['in', 'out', 'read', 'written'] as const

/** What one chart shows of the buckets. */
export type ChartSpec = {
  /** Names its texts: `charts.names.<key>` and, where it has one, `charts.hints.<key>`. */
  key: 'cpu' | 'nodeCpu' | 'memory' | 'nodeMemory' | 'load' | 'network' | 'diskActivity' | 'disk' | 'nodeDisk' | 'processes' | 'containers'
  unit: UnitName
  /** From what is measured to the chart's unit. */
  scale: number
  lines: readonly { measure: Measure; name: (typeof LINE_NAMES)[number] | null }[]
  /** In the chart's unit; null when nothing limits it. */
  limit: number | null
  /** A level is filled down to zero; everything else has a band. */
  isLevel: boolean
}

const MIB = 2 ** 20

const positive = (value: number | null | undefined) => (value != null && value > 0 ? value : null)

type Resources = { memoryMiB: number; cpuPercent: number; diskMiB: number }

const network = (unit: UnitName, scale: number): ChartSpec => ({
  key: 'network',
  unit,
  scale,
  lines: [
    { measure: 'networkTxBytesPerSecond', name: 'out' },
    { measure: 'networkRxBytesPerSecond', name: 'in' },
  ],
  limit: null,
  isLevel: false,
})
const diskActivity: ChartSpec = {
  key: 'diskActivity',
  unit: 'rate',
  scale: 1,
  lines: [
    { measure: 'diskWriteBytesPerSecond', name: 'written' },
    { measure: 'diskReadBytesPerSecond', name: 'read' },
  ],
  limit: null,
  isLevel: false,
}
const alone = (measure: Measure) => [{ measure, name: null }] as const

/** The charts of a server, held against its limits. */
export function serverCharts(limits: Resources): ChartSpec[] {
  return [
    { key: 'cpu', unit: 'percent', scale: 1, lines: alone('cpuPercent'), limit: positive(limits.cpuPercent), isLevel: false },
    { key: 'memory', unit: 'bytes', scale: 1, lines: alone('memoryBytes'), limit: positive(limits.memoryMiB * MIB), isLevel: true },
    network('rate', 1),
    diskActivity,
    { key: 'disk', unit: 'bytes', scale: 1, lines: alone('diskBytes'), limit: positive(limits.diskMiB * MIB), isLevel: true },
    { key: 'processes', unit: 'count', scale: 1, lines: alone('processCount'), limit: null, isLevel: true },
  ]
}

/** The charts of a node, held against what the machine has: `cpuPercent` counts 100 a core, memory and disk are measured. */
export function nodeCharts(capacity: Resources | null, buckets: readonly Bucket[]): ChartSpec[] {
  const newest = buckets.findLast(isMeasured)
  const cores = positive(capacity === null ? null : capacity.cpuPercent / 100)
  return [
    {
      key: 'nodeCpu',
      unit: 'percent',
      scale: 1 / (cores ?? 1),
      lines: alone('cpuPercent'),
      limit: cores === null ? null : 100,
      isLevel: false,
    },
    { key: 'load', unit: 'load', scale: 1, lines: alone('loadAverage'), limit: null, isLevel: false },
    { key: 'nodeMemory', unit: 'bytes', scale: 1, lines: alone('memoryBytes'), limit: positive(newest?.memoryLimitBytes), isLevel: true },
    // Bits, as links are named.
    network('bits', 8),
    { key: 'nodeDisk', unit: 'bytes', scale: 1, lines: alone('diskBytes'), limit: positive(newest?.diskLimitBytes), isLevel: true },
    diskActivity,
    { key: 'containers', unit: 'count', scale: 1, lines: alone('containerCount'), limit: null, isLevel: true },
  ]
}
