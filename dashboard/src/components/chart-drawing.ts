import type uPlot from 'uplot'
import { palettes, type ThemeName } from '../theme/tokens.ts'
import type { ChartContent, ChartGap, ChartMark } from './chart-content.ts'

// Hooks draw in device pixels: what is meant in CSS pixels is multiplied by the ratio.

export const CHART_FONT = '"IBM Plex Sans Variable", system-ui, sans-serif'
const SMALL = 11
const HATCH_DISTANCE = 6

type Area = { context: CanvasRenderingContext2D; ratio: number; left: number; top: number; width: number; height: number }

function areaOf(plot: uPlot, ratio: number): Area {
  const { left, top, width, height } = plot.bbox
  return { context: plot.ctx, ratio, left, top, width, height }
}

/** Draws inside the plot only, and leaves the context as it was. */
function inside(area: Area, draw: () => void): void {
  const { context, left, top, width, height } = area
  context.save()
  context.beginPath()
  context.rect(left, top, width, height)
  context.clip()
  draw()
  context.restore()
}

function hatch({ context, ratio, top, height }: Area, left: number, right: number, colour: string): void {
  context.save()
  context.beginPath()
  context.rect(left, top, right - left, height)
  context.clip()
  context.strokeStyle = colour
  context.lineWidth = ratio
  context.beginPath()
  // Counted from zero, so that the lines of neighbours meet and do not crawl when the range moves on.
  const distance = HATCH_DISTANCE * ratio
  for (let x = Math.floor((left - height) / distance) * distance; x < right; x += distance) {
    context.moveTo(x, top + height)
    context.lineTo(x + height, top)
  }
  context.stroke()
  context.restore()
}

/** Hatches times without values, with the longest text that fits. */
export function drawGaps(plot: uPlot, ratio: number, theme: ThemeName, gaps: readonly ChartGap[]): void {
  const area = areaOf(plot, ratio)
  const { context, top, height } = area
  const palette = palettes[theme]
  inside(area, () => {
    for (const { from, to, texts } of gaps) {
      const [left, right] = [plot.valToPos(from, 'x', true), plot.valToPos(to, 'x', true)]
      hatch(area, left, right, palette.control)
      context.font = `${String(SMALL * ratio)}px ${CHART_FONT}`
      const [from_, to_] = [Math.max(left, area.left), Math.min(right, area.left + area.width)]
      const room = to_ - from_ - 12 * ratio
      const text = texts.find((candidate) => context.measureText(candidate).width <= room)
      if (text === undefined) continue
      const width = context.measureText(text).width + 8 * ratio
      const middle = (from_ + to_) / 2
      context.fillStyle = palette.surface
      context.fillRect(middle - width / 2, top + height / 2 - 9 * ratio, width, 18 * ratio)
      context.fillStyle = palette.muted
      context.textAlign = 'center'
      context.textBaseline = 'middle'
      context.fillText(text, middle, top + height / 2)
    }
  })
}

/** The dashed line of a limit, with its name below it at the right. */
export function drawLimit(plot: uPlot, ratio: number, theme: ThemeName, limit: NonNullable<ChartContent['limit']>): void {
  const area = areaOf(plot, ratio)
  const { context, left, width } = area
  const y = plot.valToPos(limit.value, 'y', true)
  inside(area, () => {
    context.strokeStyle = palettes[theme].danger
    context.fillStyle = palettes[theme].danger
    context.lineWidth = ratio
    context.setLineDash([6 * ratio, 4 * ratio])
    context.beginPath()
    context.moveTo(left, y)
    context.lineTo(left + width, y)
    context.stroke()
    context.font = `${String(SMALL * ratio)}px ${CHART_FONT}`
    context.textAlign = 'right'
    context.textBaseline = 'top'
    context.fillText(limit.text, left + width - 3 * ratio, y + 4 * ratio)
  })
}

function drawShape(context: CanvasRenderingContext2D, shape: ChartMark['shape'], x: number, y: number, size: number): void {
  context.beginPath()
  if (shape === 'disc') context.arc(x, y, size * 0.8, 0, 2 * Math.PI)
  else {
    context.moveTo(x, y - size)
    context.lineTo(x + size, y + size * 0.8)
    context.lineTo(x - size, y + size * 0.8)
    context.closePath()
  }
  context.fill()
}

/** Dotted lines at the times of events, with their shapes on top. */
export function drawMarks(plot: uPlot, ratio: number, theme: ThemeName, marks: readonly ChartMark[]): void {
  const area = areaOf(plot, ratio)
  const { context, top, height } = area
  const crashes = marks.filter(({ shape }) => shape === 'triangle').map(({ at }) => plot.valToPos(at, 'x', true))
  inside(area, () => {
    for (const { at, shape, colour } of marks) {
      const x = plot.valToPos(at, 'x', true)
      context.strokeStyle = palettes[theme][colour]
      context.fillStyle = palettes[theme][colour]
      context.lineWidth = ratio
      context.setLineDash([2 * ratio, 3 * ratio])
      context.beginPath()
      context.moveTo(x, top)
      context.lineTo(x, top + height)
      context.stroke()
      // A restart right after a crash would hide it.
      const isHidden = shape === 'disc' && crashes.some((crash) => Math.abs(crash - x) < 10 * ratio)
      if (!isHidden) drawShape(context, shape, x, top + 6 * ratio, 5 * ratio)
    }
  })
}
