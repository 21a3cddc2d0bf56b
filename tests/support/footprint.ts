import { readdirSync, readFileSync } from 'node:fs'

/** Memory of a process: what it has alone, and its part of what it shares. Megabytes; 0 when it has gone. */
export function pssOf(pid: number): number {
  try {
    const kibibytes = Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    return (kibibytes * 1024) / 1e6
  } catch {
    return 0
  }
}

/** Processes of the shims of a containerd namespace. */
export function shimsOf(namespace: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      return words[0]?.includes('containerd-shim') === true && words[words.indexOf('-namespace') + 1] === namespace ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

/** Growth by least squares: units of the values a minute. */
export function slopePerMinute(points: readonly { seconds: number; value: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(({ seconds }) => seconds)), mean(points.map(({ value }) => value))]
  const above = points.reduce((sum, { seconds, value }) => sum + (seconds - x) * (value - y), 0)
  const below = points.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0)
  return below === 0 ? 0 : (above / below) * 60
}
