import { reactive, readonly } from 'vue'

/** A line that was found; `position` is where it begins in the console. */
export type ConsoleMatch = { position: number; at: string; text: string }
/** `matchCase`: capitals are not the same as small letters. */
export type ConsoleQuery = { text: string; isPattern: boolean; matchCase: boolean }
/** Matches of one search, newest first; `next` is where to search on backwards, null at the beginning of the console. */
export type MatchPage = { matches: ConsoleMatch[]; next: number | null }

export type SearchState = {
  /** What the matches are of; null before the first search. */
  query: ConsoleQuery | null
  matches: ConsoleMatch[]
  isBusy: boolean
  /** There is older text that was not searched. */
  hasMore: boolean
  /** What the last search threw. */
  failure: unknown
}

/** Searches on the server, newest first, page by page. A search that finds nothing within its time goes on by itself. */
export function createConsoleSearch(read: (query: ConsoleQuery, before: number | null) => Promise<MatchPage>) {
  const state = reactive<SearchState>({ query: null, matches: [], isBusy: false, hasMore: false, failure: null })
  let next: number | null = null
  let epoch = 0

  async function go(query: ConsoleQuery): Promise<void> {
    const mine = ++epoch
    state.isBusy = true
    state.failure = null
    try {
      for (;;) {
        const page = await read(query, next)
        if (mine !== epoch) return
        state.matches.push(...page.matches)
        next = page.next
        state.hasMore = next !== null
        if (page.matches.length > 0 || next === null) break
      }
    } catch (error) {
      if (mine === epoch) state.failure = error
    }
    if (mine === epoch) state.isBusy = false
  }
  return {
    state: readonly(state) as SearchState,
    /** Searches from the newest line on. */
    start(query: ConsoleQuery): Promise<void> {
      state.query = query
      state.matches = []
      state.hasMore = true
      next = null
      return go(query)
    },
    /** Searches further back. */
    async more(): Promise<void> {
      if (state.query !== null && !state.isBusy && state.hasMore) await go(state.query)
    },
    /** Ends the search under way; what was found stays, and it can be gone on with. */
    cancel(): void {
      epoch += 1
      state.isBusy = false
    },
  }
}
