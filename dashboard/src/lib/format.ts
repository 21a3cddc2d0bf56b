const NO_BREAK = '\u00a0'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const MIB = 2 ** 20

export const MISSING = '–'

/** Every number and time of the dashboard, in one language. Byte units: binary for memory and disk, decimal for network. */
export function createFormat(locale: string) {
  const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 })
  const digits = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'short' })
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
  const dayTime = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
  const dayOfYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' })
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' })
  const nearest = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const full = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' })

  const number = (value: number) => (Math.abs(value) >= 100 ? plain.format(value) : digits.format(value))

  /** Unit and divisor for an amount of binary bytes. */
  const binary = (bytes: number) =>
    bytes >= 2 ** 40
      ? { unit: 'TiB', divisor: 2 ** 40 }
      : bytes >= 2 ** 30
        ? { unit: 'GiB', divisor: 2 ** 30 }
        : bytes >= MIB
          ? { unit: 'MiB', divisor: MIB }
          : { unit: 'KiB', divisor: 1024 }

  const bytes = (value: number) => {
    const { unit, divisor } = binary(value)
    return `${number(value / divisor)}${NO_BREAK}${unit}`
  }

  return {
    number,
    bytes,
    mebibytes: (value: number) => (value === 0 ? `0${NO_BREAK}MiB` : bytes(value * MIB)),
    /** A value in the unit of its limit: `9.8` and `12 GiB`. */
    ofLimit(value: number, limit: number) {
      const { unit, divisor } = binary(limit)
      const share = value / divisor
      return {
        value: share >= 10 || share === 0 ? number(share) : digits.format(Math.round(share * 10) / 10),
        limit: `${number(limit / divisor)}${NO_BREAK}${unit}`,
      }
    },
    percent: (value: number) => `${plain.format(value)}${NO_BREAK}%`,
    /** Decimal bytes a second. */
    rate(value: number) {
      if (value >= 1e6) return `${digits.format(value / 1e6)}${NO_BREAK}MB/s`
      if (value >= 1e3) return `${digits.format(value / 1e3)}${NO_BREAK}kB/s`
      return `${plain.format(value)}${NO_BREAK}B/s`
    },
    clock: (time: number | string) => clock.format(new Date(time)),
    /** Date and time to the second. */
    dateTime: (time: number | string) => `${day.format(new Date(time))} ${clock.format(new Date(time))}`,
    /** Full local time with zone, for tooltips. */
    full: (time: number | string) => full.format(new Date(time)),
    /** Name of a day: today, yesterday, then the date. */
    day(time: number | string, now: number) {
      const midnight = (value: number | string) => new Date(value).setHours(0, 0, 0, 0)
      const distance = Math.round((midnight(time) - midnight(now)) / DAY)
      return distance === 0 || distance === -1 ? nearest.format(distance, 'day') : weekday.format(new Date(time))
    },
    /** Relative within a day, then the date. */
    ago(time: number | string, now: number) {
      const at = new Date(time)
      const distance = at.getTime() - now
      const size = Math.abs(distance)
      if (size < 1000) return nearest.format(0, 'second')
      if (size < MINUTE) return relative.format(Math.round(distance / 1000), 'second')
      if (size < HOUR) return relative.format(Math.round(distance / MINUTE), 'minute')
      if (size < DAY) return relative.format(Math.round(distance / HOUR), 'hour')
      if (size < 2 * DAY) return `${day.format(at)} ${dayTime.format(at)}`
      return at.getFullYear() === new Date(now).getFullYear() ? day.format(at) : dayOfYear.format(at)
    },
    /** Two units: `6 d 4 h`. */
    duration(ms: number) {
      const seconds = Math.max(0, Math.floor(ms / 1000))
      const parts: [number, string][] = [
        [Math.floor(seconds / 86_400), 'day'],
        [Math.floor(seconds / 3600) % 24, 'hour'],
        [Math.floor(seconds / 60) % 60, 'minute'],
        [seconds % 60, 'second'],
      ]
      const first = parts.findIndex(([amount]) => amount > 0)
      const from = first === -1 ? parts.length - 1 : first
      return parts
        .slice(from, from + 2)
        .filter(([amount], index) => amount > 0 || index === 0)
        .map(([amount, unit]) => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'narrow' }).format(amount))
        .join(' ')
    },
  }
}
