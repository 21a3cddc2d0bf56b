import type { SearchAddon } from '@xterm/addon-search'
import type { Terminal } from '@xterm/xterm'
import { readonly, ref, type Ref } from 'vue'
import { searchMarks, type ThemeName } from '../../theme/tokens.ts'
import { patternOf } from './console-match.ts'
import type { ConsoleQuery } from './console-search.ts'

/** Finding among the rows of a terminal. What does it is loaded when something is looked for. */
export function useTerminalSearch(terminal: Terminal, theme: Readonly<Ref<ThemeName>>) {
  const found = ref<{ index: number; count: number } | null>(null)
  let addon: Promise<SearchAddon> | null = null
  let searches = 0

  const load = async () => {
    const { SearchAddon } = await import('@xterm/addon-search')
    const loaded = new SearchAddon()
    terminal.loadAddon(loaded)
    loaded.onDidChangeResults(({ resultIndex, resultCount }) => {
      found.value = { index: resultIndex, count: resultCount }
    })
    return loaded
  }
  return {
    /** Which match is shown, of how many; null when nothing is looked for. */
    found: readonly(found),
    /** Shows the next match, and marks all. A pattern that is none finds nothing. */
    async find({ text, isPattern, matchCase }: ConsoleQuery, isBackwards: boolean): Promise<void> {
      const mine = ++searches
      const isVain = text === '' || (isPattern && patternOf(text, matchCase) === null)
      if (isVain && addon === null) return
      addon ??= load()
      const search = await addon
      // Somebody typed on while it was loaded.
      if (mine !== searches) return
      search.clearDecorations()
      found.value = null
      if (isVain) return
      const { match, active } = searchMarks[theme.value]
      const decorations = {
        matchBackground: match,
        activeMatchBackground: active,
        matchOverviewRuler: match,
        activeMatchColorOverviewRuler: active,
      }
      const options = { decorations, regex: isPattern, caseSensitive: matchCase }
      if (isBackwards) search.findPrevious(text, options)
      else search.findNext(text, options)
    },
  }
}
