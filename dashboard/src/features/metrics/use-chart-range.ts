import { shallowRef, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { readRange, rangeQuery, zoomRange, type Edges, type TimeRange } from './time-range.ts'

/** The range in the page's address. Zooming remembers where it came from. */
export function useChartRange() {
  const route = useRoute()
  const router = useRouter()
  const path = route.path
  const asked = shallowRef(readRange(route.query))
  const past: TimeRange[] = []
  watch(
    () => route.query,
    (query) => {
      // Leaving the page is not a change of its range.
      if (route.path === path) asked.value = readRange(query)
    },
  )
  function show(range: TimeRange) {
    const { range: _range, from: _from, to: _to, ...rest } = route.query
    void router.replace({ query: { ...rest, ...rangeQuery(range) } })
  }
  return {
    asked,
    show(range: TimeRange) {
      past.length = 0
      show(range)
    },
    /** @param edges marked by a drag, ms */
    zoom(edges: Edges) {
      past.push(asked.value.range)
      show(zoomRange(edges))
    },
    /** Back to what was shown before the last zoom. */
    zoomOut() {
      const before = past.pop()
      if (before !== undefined) show(before)
    },
  }
}
export type ChartRange = ReturnType<typeof useChartRange>
