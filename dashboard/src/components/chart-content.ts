import type { TokenName } from '../theme/tokens.ts'

/** One measure over time. `low` and `high` make the band around it. */
export type ChartLine = {
  /** Its name where there are several; empty when it is alone. */
  label: string
  values: readonly (number | null)[]
  low: readonly (number | null)[]
  high: readonly (number | null)[]
  colour: TokenName
  isDashed: boolean
  /** Filled down to zero instead of a band: a level, such as memory. */
  isLevel: boolean
}

/** A time without values, in seconds since 1970, and what is written into it when there is room: the longest text that fits. */
export type ChartGap = { from: number; to: number; texts: readonly string[] }

export type ChartMark = { at: number; shape: 'triangle' | 'disc'; colour: TokenName }

/** Everything that a chart draws. Times are seconds since 1970, values in the chart's unit. */
export type ChartContent = {
  from: number
  to: number
  /** Begin of each step. */
  at: readonly number[]
  lines: readonly ChartLine[]
  limit: { value: number; text: string } | null
  gaps: readonly ChartGap[]
  marks: readonly ChartMark[]
  /** Distances that the values' axis may have between its lines; any round number when null. */
  axisSteps: readonly number[] | null
  formatValue: (value: number) => string
  /** @param stepSeconds distance of the times that are shown */
  formatTime: (seconds: number, stepSeconds: number) => string
}
