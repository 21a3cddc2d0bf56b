import type uPlot from 'uplot'
import { palettes, type ThemeName } from '../theme/tokens.ts'
import type { ChartContent, ChartLine } from './chart-content.ts'
import { CHART_FONT, drawGaps, drawLimit, drawMarks } from './chart-drawing.ts'

/** Width of the values' axis: the same everywhere, so that charts below each other line up. */
const AXIS_WIDTH = 66
const AXIS_HEIGHT = 26
/** Room above the highest value or the limit. */
const HEADROOM = 1.1
/** A shorter drag is a click. */
const SHORTEST_DRAG = 5
/** Opacity of bands and levels, as the end of a colour. */
const BAND_ALPHA = '33'
const LEVEL_ALPHA = '1F'

const hasBand = (line: ChartLine) => !line.isLevel

/** The columns of a chart: times, then for each line its high and low (where it has a band) and its value. */
export function columnsOf({ at, lines }: Pick<ChartContent, 'at' | 'lines'>): uPlot.AlignedData {
  const columns = lines.flatMap((line) => (hasBand(line) ? [line.high, line.low, line.values] : [line.values]))
  return [at, ...columns] as unknown as uPlot.AlignedData
}

/** Places of values that have no neighbour: no line passes them, so that they need a point. */
export function lonelyPlaces(values: readonly (number | null | undefined)[]): number[] {
  return values.flatMap((value, index) => (value != null && values[index - 1] == null && values[index + 1] == null ? [index] : []))
}

/** Top of the values' axis: a tenth above the highest value, or above the limit. */
export function topOf(highest: number | null, limit: number | null): number {
  const top = Math.max(highest ?? 0, limit ?? 0)
  return top === 0 ? 1 : top * HEADROOM
}

/** uPlot's series and bands, and the colours of those series that are the lines themselves, by their places. */
function seriesOf(lines: readonly ChartLine[], colourOf: (line: ChartLine) => string) {
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  const colours = new Map<number, string>()
  for (const line of lines) {
    const colour = colourOf(line)
    if (hasBand(line)) {
      bands.push({ series: [series.length, series.length + 1], fill: colour + BAND_ALPHA })
      series.push({ width: 0, points: { show: false } }, { width: 0, points: { show: false } })
    }
    colours.set(series.length, colour)
    series.push({
      stroke: colour,
      width: 1.5,
      ...(line.isDashed && { dash: [5, 3] }),
      ...(line.isLevel && { fill: colour + LEVEL_ALPHA }),
      spanGaps: false,
      points: { show: false, size: 4, fill: colour, filter: (plot, index) => lonelyPlaces([...(plot.data[index] ?? [])]) },
    })
  }
  return { series, bands, colours }
}

const isMove = (type: string) => type === 'mousemove' || type === 'mouseleave'

export type ChartEvents = {
  /** The step under the crosshair; null when there is none. */
  pointed(index: number | null): void
  /** A time was marked, in seconds. */
  zoomed(from: number, to: number): void
  zoomedOut(): void
}

/**
 * uPlot's options. Colours are read when a chart is made: a new theme needs a new one. What changes with the measurements is read
 * from `content` at each drawing.
 */
export function chartOptions(
  content: () => ChartContent,
  look: { theme: ThemeName; isStale: boolean; width: number; height: number; syncKey: string; ratio: () => number },
  events: ChartEvents,
): uPlot.Options {
  const { theme, syncKey, ratio } = look
  const palette = palettes[theme]
  const { lines, axisSteps } = content()
  const axis = { font: `11px ${CHART_FONT}`, stroke: palette.faint, ticks: { show: false } }
  const { series, bands, colours } = seriesOf(lines, (line) => palette[look.isStale ? 'faint' : line.colour])
  return {
    width: look.width,
    height: look.height,
    padding: [8, 10, 0, 0],
    series,
    bands,
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [content().from, content().to] },
      y: { range: (_plot, _low, high) => [0, topOf(high, content().limit?.value ?? null)] },
    },
    axes: [
      {
        ...axis,
        size: AXIS_HEIGHT,
        grid: { show: false },
        space: 70,
        values: (_plot, splits, _axis, _space, step) => splits.map((split) => content().formatTime(split, step)),
      },
      {
        ...axis,
        size: AXIS_WIDTH,
        grid: { stroke: palette.line, width: 1 },
        space: 36,
        values: (_plot, splits) => splits.map((split) => content().formatValue(split)),
        ...(axisSteps !== null && { incrs: [...axisSteps] }),
      },
    ],
    cursor: {
      y: false,
      points: {
        size: 7,
        fill: (_plot, index) => colours.get(index) ?? palette.text,
        // A band has no point of its own; uPlot takes no element for none.
        show: (_plot, index) => (colours.has(index) ? document.createElement('div') : (undefined as unknown as HTMLElement)),
      },
      drag: { x: true, y: false, setScale: false, dist: SHORTEST_DRAG },
      // Others follow the crosshair, and know nothing of drags.
      sync: { key: syncKey, setSeries: false, scales: ['x', null], filters: { pub: isMove, sub: isMove } },
      bind: {
        dblclick: () => () => {
          events.zoomedOut()
          return null
        },
      },
    },
    hooks: {
      drawAxes: [
        (plot) => {
          drawGaps(plot, ratio(), theme, content().gaps)
        },
      ],
      draw: [
        (plot) => {
          const { limit, marks } = content()
          if (limit !== null) drawLimit(plot, ratio(), theme, limit)
          drawMarks(plot, ratio(), theme, marks)
        },
      ],
      setCursor: [
        (plot) => {
          events.pointed((plot.cursor.left ?? -1) < 0 ? null : (plot.cursor.idx ?? null))
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < SHORTEST_DRAG) return
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          events.zoomed(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'))
        },
      ],
    },
  }
}
