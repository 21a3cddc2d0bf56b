/** A row of a terminal that is followed as rows above it go. */
export type Marker = { readonly line: number; readonly isDisposed: boolean }

/** Which rows of a terminal begin which positions of the console: enough of them to find any place again after drawing anew. */
export function createLandmarks() {
  let marks: { position: number; marker: Marker }[] = []
  const alive = () => (marks = marks.filter(({ marker }) => !marker.isDisposed))
  return {
    clear(): void {
      marks = []
    },
    /** Remembers that a position begins in a row; without a marker nothing. */
    add(position: number, marker: Marker | undefined): void {
      if (marker !== undefined) marks.push({ position, marker })
    },
    /** The row of a remembered position; null when it is gone or was never remembered. */
    rowOf: (position: number): number | null => alive().find((mark) => mark.position === position)?.marker.line ?? null,
    /** The remembered position nearest to a row, not before `from`, with the row's distance below it; null when there is none. */
    nearest(row: number, from: number): { position: number; rows: number } | null {
      let best: { position: number; rows: number } | null = null
      for (const { position, marker } of alive()) {
        const rows = row - marker.line
        if (position >= from && (best === null || Math.abs(rows) < Math.abs(best.rows))) best = { position, rows }
      }
      return best
    },
  }
}
