import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

/** Where screenshots of a run are kept; not committed. */
export const ARTEFACTS = path.resolve(import.meta.dirname, '../artefacts')

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

type View = { width: number; height: number }
type Theme = 'light' | 'dark'

/** A page with what went wrong on it. */
export type WatchedPage = {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of scripts and of the content policy, and requests that left the product's own origin; empty when all is well. */
  readonly faults: string[]
}

/** Debian's Chromium, without any of its own traffic. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** @param origin the only origin that may be asked for anything */
export async function openPage(browser: Browser, origin: string, theme: Theme = 'dark', viewport: View = DESKTOP): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport,
    colorScheme: theme,
    locale: 'en-GB',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`))
  page.on('console', (message) => {
    // A lost connection is logged by the browser itself; tests that cut it look at the page.
    if (message.type() === 'error' && !/WebSocket connection|Failed to load resource|net::ERR/.test(message.text()))
      faults.push(`console: ${message.text()}`)
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.origin !== origin) faults.push(`request to ${url.origin}`)
  })
  return { page, context, faults }
}

/** Signs in, as people do; ends on the list of servers. */
export async function signInOnPage(page: Page, url: string, who: { email: string; password: string }): Promise<void> {
  await page.goto(url)
  await page.getByLabel('E-mail').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.locator('h1').filter({ hasText: 'Servers' }).waitFor()
}

/** Shows the same page in the other theme or size: both follow at once. */
export async function showAs(page: Page, theme: Theme, viewport: View): Promise<void> {
  await page.emulateMedia({ colorScheme: theme })
  await page.setViewportSize(viewport)
  await page.locator(`html[data-theme=${theme}]`).waitFor({ state: 'attached' })
}

/** Keeps a picture of the page as a test artefact. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await mkdir(ARTEFACTS, { recursive: true })
  await page.screenshot({ path: path.join(ARTEFACTS, `${name}.png`) })
}

type AxeResult = { violations: { id: string; help: string; nodes: { target: unknown[]; failureSummary?: string }[] }[] }

/** What WCAG 2.2 A and AA find wrong with the page, in words; empty when nothing. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(source)
  const result = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(context: unknown, options: unknown): Promise<unknown> } }
    return await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })
  })
  return (result as AxeResult).violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${target.join(' ')} (${failureSummary ?? ''})`),
  )
}

/** Text of the terminal's visible rows. */
export async function terminalText(page: Page): Promise<string> {
  const rows = await page.locator('.xterm-rows > div').allInnerTexts()
  return rows.map((row) => row.replaceAll('\u00a0', ' ').trimEnd()).join('\n')
}
