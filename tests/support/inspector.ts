import type { Page } from 'playwright-core'
import { accessibilityFaults, DESKTOP, keepPicture, PHONE, showAs } from './browser.ts'

const VIEWS = [
  ['dark', DESKTOP],
  ['light', DESKTOP],
  ['dark', PHONE],
  ['light', PHONE],
] as const

/** Looks at pages in both themes and sizes, and gathers what is wrong with them: one fault must not hide the others. */
export type Inspector = {
  /** In words, with the page they are on; empty when all is well. */
  readonly faults: string[]
  /**
   * Pictures as test artefacts, accessibility, and no sideways scrolling. Ends on the dark desktop.
   * @param sizes the phone is left out where it has no such thing, such as a selection
   */
  inspect(name: string, sizes?: 'all' | 'desktop'): Promise<void>
}

export function createInspector(page: Page): Inspector {
  const faults: string[] = []
  return {
    faults,
    async inspect(name, sizes = 'all') {
      for (const [theme, size] of VIEWS.filter(([, view]) => sizes === 'all' || view === DESKTOP)) {
        await showAs(page, theme, size)
        const view = `${name}-${theme}-${size === PHONE ? 'phone' : 'desktop'}`
        await keepPicture(page, view)
        faults.push(...(await accessibilityFaults(page)).map((fault) => `${view}: ${fault}`))
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        if (overflow > 0) faults.push(`${view}: scrolls sideways by ${String(overflow)} px`)
      }
      await showAs(page, 'dark', DESKTOP)
    },
  }
}
