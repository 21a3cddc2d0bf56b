import type { createFormat } from '../../lib/format.ts'

/** `bits`: bits a second. `rate`: bytes a second. */
export type UnitName = 'percent' | 'bytes' | 'rate' | 'bits' | 'count' | 'load'

/** How values of a chart are written, and the distances its axis may have between its lines (any round number when null). */
export type ChartUnit = { format: (value: number) => string; axisSteps: readonly number[] | null }

const NO_BREAK = '\u00a0'
/** Round numbers of binary units, which the next unit is made of at last: 1 KiB to 512 TiB. */
const BINARY_STEPS = [1, 2, 3, 4].flatMap((power) => [1, 2, 5, 10, 20, 50, 100, 256, 512].map((step) => step * 1024 ** power))
/** Nothing is half: 1 to 5 million. */
const WHOLE_STEPS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power))

export function chartUnits(format: ReturnType<typeof createFormat>): Readonly<Record<UnitName, ChartUnit>> {
  /** Three digits that count: one place after the point below ten, none above. */
  const short = (value: number) => format.number(value >= 10 ? Math.round(value) : Math.round(value * 10) / 10)
  const bits = (value: number) => {
    if (value >= 1e9) return `${short(value / 1e9)}${NO_BREAK}Gbit/s`
    if (value >= 1e6) return `${short(value / 1e6)}${NO_BREAK}Mbit/s`
    return `${short(value / 1e3)}${NO_BREAK}kbit/s`
  }
  return {
    percent: { format: (value) => `${short(value)}${NO_BREAK}%`, axisSteps: WHOLE_STEPS },
    bytes: { format: format.bytes, axisSteps: BINARY_STEPS },
    rate: { format: format.rate, axisSteps: WHOLE_STEPS },
    bits: { format: bits, axisSteps: WHOLE_STEPS.map((step) => step * 1000) },
    count: { format: short, axisSteps: WHOLE_STEPS },
    load: { format: short, axisSteps: null },
  }
}
