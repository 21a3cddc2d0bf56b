/** Something that happened to a server, as its charts mark it. */
export type Mark = { at: number; kind: 'CRASH' | 'START' | 'RESTART'; reason: string | null }

/** A start this soon after an end is a restart. */
const RESTART_MS = 120_000

const CRASHES = ['CRASHED', 'OUT_OF_MEMORY']

/** @param events oldest first, `at` in ms */
export function marksOf(events: readonly { at: number; kind: string; reason: string | null }[]): Mark[] {
  const marks: Mark[] = []
  let endedAt = Number.NEGATIVE_INFINITY
  for (const { at, kind, reason } of events) {
    if (kind === 'EXITED') {
      endedAt = at
      if (reason !== null && CRASHES.includes(reason)) marks.push({ at, kind: 'CRASH', reason })
    } else if (kind === 'STARTED') marks.push({ at, kind: at - endedAt <= RESTART_MS ? 'RESTART' : 'START', reason: null })
  }
  return marks
}

/** One entry for each kind (and reason of a crash): how many there were, and the newest. */
export function countMarks(marks: readonly Mark[]): (Mark & { count: number })[] {
  const groups = Map.groupBy(marks, ({ kind, reason }) => `${kind} ${reason ?? ''}`)
  return [...groups.values()].flatMap((group) => {
    const newest = group.at(-1)
    return newest === undefined ? [] : [{ ...newest, count: group.length }]
  })
}
