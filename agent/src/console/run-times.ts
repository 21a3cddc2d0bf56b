/** Bytes of so much time may share one. */
const SAME_MS = 1000
/** Of one run; an outage of ten minutes is told to the second or two. */
const MOST_NOTES = 512

/** When the bytes of a run's file were written, as far as somebody looked. */
export type RunTimes = {
  /** The file is this long now. */
  note(size: number, at: Date): void
  /** Time of the byte at an offset, and the offset from which on it is another; bytes that are newer than all notes are of now. */
  find(offset: number, now: Date): { at: Date; until: number }
  /** Nobody asks for what comes before any more. */
  forget(before: number): void
}

export function createRunTimes(): RunTimes {
  /** In order: bytes below a size, and not below the one before it, were there at this time. */
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
    note(size, at) {
      const last = notes.at(-1)
      if (size <= (last?.size ?? 0)) return
      // A clock that is set back must not turn the order around.
      notes.push({ size, at: Math.max(at.getTime(), last?.at ?? 0) })
      if (notes.length > MOST_NOTES) thin()
    },

    find(offset, now) {
      const [first, ...later] = [...notes, { size: Infinity, at: now.getTime() }].filter(({ size }) => size > offset)
      if (first === undefined) throw new Error('no offset is beyond all bytes')
      const other = later.findIndex(({ at }) => Math.abs(at - first.at) > SAME_MS)
      const last = other === -1 ? later.at(-1) : later[other - 1]
      return { at: new Date(first.at), until: (last ?? first).size }
    },

    forget(before) {
      notes = notes.filter(({ size }) => size > before)
    },
  }
}
