const DAY_SECONDS = 86_400

/** Times on and around charts, in the viewer's language and zone. Everything in ms since 1970. */
export function createChartTimes(locale: string) {
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
  const dayOfYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' })
  const date = (at: number) => (new Date(at).getFullYear() === new Date().getFullYear() ? day : dayOfYear).format(at)
  const isMidnight = (at: number) => new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0
  const dayAndClock = (at: number) => `${date(at)} ${clock.format(at)}`

  return {
    /** Of a mark on the axis: days where a day begins. */
    tick: (at: number, stepSeconds: number) => (stepSeconds >= DAY_SECONDS || isMidnight(at) ? date(at) : clock.format(at)),
    /** Of one step: as much of it as tells it from the others in the range. */
    point: (at: number, stepSeconds: number, rangeMs: number) =>
      stepSeconds >= DAY_SECONDS ? date(at) : rangeMs > DAY_SECONDS * 1000 ? dayAndClock(at) : clock.format(at),
    dayAndClock,
    clock: (at: number) => clock.format(at),
    /** Both ends; the day of the second only when it is another one. */
    edges: (from: number, to: number) =>
      [dayAndClock(from), new Date(from).toDateString() === new Date(to).toDateString() ? clock.format(to) : dayAndClock(to)] as const,
  }
}
