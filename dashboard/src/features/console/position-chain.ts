export type Positioned = { from: number; to: number }

/**
 * The chain of positions of one viewer: each event begins where the last one ended. `start` is the position behind which the
 * stream was asked for; null lets the first event decide.
 */
export function createPositionChain(start: number | null) {
  let position = start
  return {
    /** Where the next event must begin; null before the first. */
    get position() {
      return position
    },
    /** `next` may be shown; `repeated` was shown already; `broken` means that something between is missing. */
    accept(event: Positioned): 'next' | 'repeated' | 'broken' {
      if (position !== null && event.to <= position) return 'repeated'
      if (position !== null && event.from !== position) return 'broken'
      position = event.to
      return 'next'
    },
  }
}
