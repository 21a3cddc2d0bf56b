import { ref } from 'vue'

/** Reads a list on, a page at a time. `fetchMore` is that of its query, `endCursor` where what is there ends. */
export function useMore(
  fetchMore: (options: { variables: { after: string | null } }) => Promise<unknown> | undefined,
  endCursor: () => string | null | undefined,
) {
  const isReadingMore = ref(false)
  return {
    isReadingMore,
    async more() {
      isReadingMore.value = true
      try {
        await fetchMore({ variables: { after: endCursor() ?? null } })
      } finally {
        isReadingMore.value = false
      }
    },
  }
}
