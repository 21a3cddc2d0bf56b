/** What is measured over time. Tables of the schema `series` are named after it. */
export type Subject = 'server' | 'node'

export const OWNERS = { server: '"Server"', node: '"Node"' } as const satisfies Record<Subject, string>

/** Measures by the names of the public schema; a column is the same in snake case. */
export type Measure =
  | 'cpuPercent'
  | 'loadAverage'
  | 'memoryBytes'
  | 'diskBytes'
  | 'diskReadBytesPerSecond'
  | 'diskWriteBytesPerSecond'
  | 'networkRxBytesPerSecond'
  | 'networkTxBytesPerSecond'
  | 'processCount'
  | 'containerCount'

/** What a measure is held against; a roll-up keeps the greatest. */
export type Limit = 'memoryLimitBytes' | 'diskLimitBytes'

export type SubjectColumns = { measures: readonly Measure[]; limits: readonly Limit[] }

const COMMON = [
  'cpuPercent',
  'memoryBytes',
  'diskBytes',
  'diskReadBytesPerSecond',
  'diskWriteBytesPerSecond',
  'networkRxBytesPerSecond',
  'networkTxBytesPerSecond',
] as const satisfies Measure[]

export const SUBJECTS: Readonly<Record<Subject, SubjectColumns>> = {
  server: { measures: [...COMMON, 'processCount'], limits: ['memoryLimitBytes'] },
  node: { measures: [...COMMON, 'loadAverage', 'containerCount'], limits: ['memoryLimitBytes', 'diskLimitBytes'] },
}

/** Roll-ups, finest first, with the length of their buckets. */
export const ROLL_UPS = [
  { table: '5m', seconds: 300 },
  { table: '1h', seconds: 3600 },
  { table: '1d', seconds: 86_400 },
] as const

export type RollUp = (typeof ROLL_UPS)[number]['table']

/** How long each resolution is kept; days are kept for good. */
export type Retention = { sampleDays: number; fiveMinuteDays: number; hourDays: number }

/** Buckets are counted from here, so that those of a day begin at midnight UTC. */
export const ORIGIN = '2000-01-01 00:00:00+00'

export const DAY_MS = 86_400_000

export const columnOf = (name: Measure | Limit) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Type of a column of raw rows. */
export function typeOf(name: Measure | Limit): 'bigint' | 'integer' | 'real' {
  if (name.endsWith('Count')) return 'integer'
  return name.endsWith('Bytes') ? 'bigint' : 'real'
}
