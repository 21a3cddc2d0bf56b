/** Bytes of so much time may share one. */
const SAME_MS = 1000
/** Of one run; an outage of ten minutes is told to the second or two. */
const MOST_NOTES = 512

/** When the bytes of a run's file were written, as far as somebody looked. */
export type RunTimes = {
  /** The file is this long now. */
  note(size: number): void
  /** Time of the byte at an offset, and the offset from which on it is another; bytes that are newer than all notes are of now. */
  find(offset: number): { at: Date; until: number }
  /** Nobody asks for what comes before any more. */
  forget(before: number): void
}

export type RunTimesOptions = {
  now: () => Date
  monotonicMs: () => number
  /** What an earlier agent has left: only when it became this long is known. */
  earlier?: { size: number; at: Date } | undefined
}

export function createRunTimes({ now, monotonicMs, earlier }: RunTimesOptions): RunTimes {
  /**
   * In order: bytes below a size, and not below the one before it, were there at this monotonic time. Of the wall clock it may
   * turn out later that it was wrong.
   */
  let notes: { size: number; at: number }[] = []

  /** Leaves the last of each stretch of time, half of the notes at most: bytes of one that goes take the time of the next. */
  function thin(): void {
    const span = (notes.at(-1)?.at ?? 0) - (notes[0]?.at ?? 0)
    // Powers of two: a stretch is always made of whole ones of before.
    const stretch = 2 ** Math.ceil(Math.log2(Math.max(1, (2 * span) / MOST_NOTES)))
    const of = ({ at }: { at: number }) => Math.floor(at / stretch)
    notes = notes.filter((note, index) => {
      const next = notes[index + 1]
      return next === undefined || of(next) !== of(note)
    })
  }

  return {
    note(size) {
      if (size <= ((notes.at(-1) ?? earlier)?.size ?? 0)) return
      notes.push({ size, at: monotonicMs() })
      if (notes.length > MOST_NOTES) thin()
    },

    find(offset) {
      if (earlier !== undefined && offset < earlier.size) return { at: earlier.at, until: earlier.size }
      const current = monotonicMs()
      const [first, ...later] = [...notes, { size: Infinity, at: current }].filter(({ size }) => size > offset)
      if (first === undefined) throw new Error('no offset is beyond all bytes')
      const other = later.findIndex(({ at }) => Math.abs(at - first.at) > SAME_MS)
      const last = other === -1 ? later.at(-1) : later[other - 1]
      return { at: new Date(now().getTime() - (current - first.at)), until: (last ?? first).size }
    },

    forget(before) {
      notes = notes.filter(({ size }) => size > before)
    },
  }
}
