import os from 'node:os'

/** One line of a benchmark: our figure beside a reference of the same run. */
export type BenchResult = {
  name: string
  figure: number
  unit: string
  reference: string
  referenceFigure: number | null
  ratio: number | null
  /** Ratio, or figure where there is no ratio, that is just good enough; null when it is only printed. */
  goal: number | null
  better: 'lower' | 'higher'
  ok: boolean
  samples: { minimum: number; median: number; maximum: number; count: number }
  machine: string
}

const round = (value: number, digits = 3) => Math.round(value * 10 ** digits) / 10 ** digits

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** The value below which a part of them lies, such as 0.99. */
export const percentile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN

type Reference = { name: string; samples: readonly number[] }

/** Milliseconds, less is better. Without `reference` the goal is about the figure itself. */
export function millisecondsResult(name: string, ours: readonly number[], goal: number | null, reference: Reference | null): BenchResult {
  return figureResult(name, 'ms', ours, goal, reference)
}

/** Any figure, of which less is better unless said. Without `reference` the goal is about the figure itself. */
export function figureResult(
  name: string,
  unit: string,
  ours: readonly number[],
  goal: number | null,
  reference: Reference | null,
  better: BenchResult['better'] = 'lower',
): BenchResult {
  const figure = median(ours)
  const referenceFigure = reference === null ? null : median(reference.samples)
  const ratio = referenceFigure === null ? null : figure / referenceFigure
  return {
    name,
    figure: round(figure),
    unit,
    reference: reference?.name ?? 'none',
    referenceFigure: referenceFigure === null ? null : round(referenceFigure),
    ratio: ratio === null ? null : round(ratio),
    goal,
    better,
    ok: goal === null || (better === 'lower' ? (ratio ?? figure) <= goal : (ratio ?? figure) >= goal),
    samples: { minimum: round(Math.min(...ours)), median: round(figure), maximum: round(Math.max(...ours)), count: ours.length },
    machine: `${String(os.availableParallelism())} × ${os.cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${os.release()}`,
  }
}

/** For people, above the line for programs. */
export function describeResult(result: BenchResult): string {
  const { minimum, maximum, count } = result.samples
  const against =
    result.ratio === null ? '' : `, ${result.reference} ${String(result.referenceFigure)} ${result.unit}: ${String(result.ratio)} ×`
  const goal =
    result.goal === null ? '' : ` (goal ${result.better === 'lower' ? '≤' : '≥'} ${String(result.goal)}: ${result.ok ? 'met' : 'missed'})`
  return `${result.name}: ${String(result.figure)} ${result.unit} [${String(minimum)}–${String(maximum)}, ${String(count)} rounds]${against}${goal}`
}
