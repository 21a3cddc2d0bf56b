import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import {
  DESKTOP,
  keepPicture,
  launchBrowser,
  openPage,
  PHONE,
  showAs,
  signInOnPage,
  terminalText,
  type WatchedPage,
} from '../support/browser.ts'
import { readConsole, type ConsoleReader } from '../support/console-reader.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate, power, sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

/** On each of two streams, at 1 000 lines a second together. Two runs are more than a page keeps at once. */
const LINES = 3500
const RUN_TIMEOUT_MS = 60_000

let product: Product
let client: ThirdParty
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector
let reader: ConsoleReader
let id: string

beforeAll(async () => {
  product = await startProduct({ name: 'console', firstGamePort: 25820 })
  client = await product.administrator()
  id = await createServer(client, {
    name: 'Printer',
    templateId: await importTestTemplate(client, 'printer'),
    memoryMiB: 64,
    cpuPercent: 50,
    diskMiB: 64,
    start: true,
    variables: [
      { name: 'LINES', value: String(LINES) },
      { name: 'LINES_PER_SECOND', value: '500' },
    ],
  })
  reader = readConsole(() => createThirdParty(product.url, client.token), id)
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
  await signInOnPage(page, product.url, ADMIN)
  await reader.until((output) => output.includes(`err ${String(LINES)}\n`), 180_000)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.name.replaceAll(/\W+/g, '-')}`)
})

afterAll(async () => {
  await reader.stop()
  await browser.close()
  await client.dispose()
  await product.dispose()
})

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const field = (name: string) => page.getByLabel(name, { exact: true })
const marker = () => page.locator('.marker')
const consoleUrl = () => `${product.url}/servers/${id}/console`
const firstRow = async () => (await terminalText(page)).split('\n')[0] ?? ''
const everyLine = () => reader.output().split('\n')

/** Numbers that the game printed on a stream, in the order of a text. */
const numbersOf = (stream: 'out' | 'err', text: string) =>
  [...text.matchAll(new RegExp(`\\b${stream} (\\d+)$`, 'gm'))].map(([, number]) => Number(number))
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

/** Everything that is loaded, without times. */
async function loaded(): Promise<string> {
  await button('Copy the selection or everything').click()
  return page.evaluate(() => navigator.clipboard.readText())
}

async function terminalShows(text: string): Promise<void> {
  await expect.poll(() => terminalText(page), { timeout: 15_000 }).toContain(text)
}

describe('the console page', () => {
  it('shows 1 000 lines a second and drops none', async () => {
    await page.goto(consoleUrl())
    await terminalShows(`err ${String(LINES)}`)
    await field('Show times').click()
    await page.evaluate(() => {
      const counter = { frames: 0, since: performance.now() }
      const count = () => {
        counter.frames += 1
        requestAnimationFrame(count)
      }
      requestAnimationFrame(count)
      Object.assign(window, { counter })
    })
    const before = reader.output().length
    await power(client, 'restart', id)
    await reader.until((output) => output.slice(before).includes('printer ready'), RUN_TIMEOUT_MS)
    const start = await page.evaluate(() => ({ ...(window as unknown as { counter: { frames: number } }).counter, now: performance.now() }))
    await reader.until((output) => output.slice(before).includes(`err ${String(LINES)}\n`), RUN_TIMEOUT_MS)
    const end = await page.evaluate(() => ({ ...(window as unknown as { counter: { frames: number } }).counter, now: performance.now() }))
    await terminalShows(`err ${String(LINES)}`)
    process.stdout.write(`console page: ${((end.frames - start.frames) / ((end.now - start.now) / 1000)).toFixed(1)} frames/s\n`)
    const text = await loaded()
    const run = text.slice(text.lastIndexOf('printer ready'))
    expect(numbersOf('out', run)).toEqual(upTo(LINES))
    expect(numbersOf('err', run)).toEqual(upTo(LINES))
    expect(await marker().innerText()).toBe('Following')
  }, 120_000)

  it('loads history upwards across the restart, in order, and keeps the place', async () => {
    await page.reload()
    await terminalShows(`err ${String(LINES)}`)
    await page.locator('.xterm-screen').click()
    await page.keyboard.press('Home')
    const top = await firstRow()
    // What was loaded stands above what was in view.
    await expect
      .poll(async () => {
        await page.keyboard.press('ArrowUp')
        return firstRow()
      })
      .not.toBe(top)
    const rows = (await terminalText(page)).split('\n').slice(0, 4)
    const lines = everyLine()
    expect(lines.join('\n')).toContain(rows.join('\n'))
    expect(await marker().innerText()).toBe('Scrolled')

    // Up to the very first line, which the first run printed.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('Home')
          return firstRow()
        },
        { timeout: 60_000, interval: 50 },
      )
      .toContain('Start')
    const text = await loaded()
    const printed = text.split('\n').filter((line) => /^(out|err) \d+$/.test(line))
    const all = lines.filter((line) => /^(out|err) \d+$/.test(line))
    expect(printed.length).toBeGreaterThan(LINES * 2)
    expect(printed).toEqual(all.slice(0, printed.length))
    await inspector.inspect('console-history')
    // Whatever the theme and the size: what was read stays in view.
    await expect.poll(() => firstRow()).toContain('Start')
    await button('Back to live').click()
    await terminalShows(`err ${String(LINES)}`)
    await expect.poll(() => marker().innerText()).toBe('Following')
  }, 120_000)

  it('counts what comes while somebody reads, and moves nothing', async () => {
    await page.locator('.xterm-screen').click()
    const live = await terminalText(page)
    await page.keyboard.press('PageUp')
    // Rows are drawn with the next frame.
    await expect.poll(() => terminalText(page)).not.toBe(live)
    const before = await terminalText(page)
    await sendConsoleCommand(client, id, 'anybody there')
    await button('2 new lines').waitFor()
    expect(await terminalText(page)).toBe(before)
    await button('2 new lines').click()
    await terminalShows('you said anybody there')
  })

  it('shows only some kinds of lines, looks further back for them, and counts no others', async () => {
    await showAs(page, 'dark', PHONE)
    await button('Tools of the console').click()
    await showAs(page, 'dark', DESKTOP)
    await button('Kinds of lines: All kinds').click()
    const panel = page.getByRole('region', { name: 'Kinds of lines' })
    await panel.getByLabel('Output').press('Space')
    await panel.getByLabel('Commands').press('Space')
    expect(await panel.getByLabel('Notices').isDisabled()).toBe(true)
    // The last start stands thousands of lines further up.
    await terminalShows('▌ Starting')
    expect(await terminalText(page)).not.toContain('you said')
    expect(new URL(page.url()).searchParams.get('kinds')).toBe('notices')
    await panel.getByLabel('Commands').press('Space')
    await terminalShows('> anybody there')
    expect(await marker().innerText()).toBe('Following')
    await inspector.inspect('console-kinds')
    await page.keyboard.press('Escape')
    await sendConsoleCommand(client, id, 'only this')
    await terminalShows('> only this')
    expect(await terminalText(page)).not.toContain('you said')

    await page.reload()
    await terminalShows('> only this')
    await inspector.inspect('console-kinds-closed')
    await button('Show all kinds').click()
    await terminalShows('you said only this')
    expect(await button('Kinds of lines: All kinds').evaluate((tool) => tool === document.activeElement)).toBe(true)
    expect(new URL(page.url()).searchParams.get('kinds')).toBeNull()
  })

  it('keeps the size of the text', async () => {
    const size = () => page.locator('.xterm-rows').evaluate((rows) => getComputedStyle(rows).fontSize)
    await button('Text size').click()
    await page.getByRole('slider', { name: 'Text size' }).press('End')
    await expect.poll(size).toBe('18px')
    await terminalShows('you said only this')
    await inspector.inspect('console-size')
    await page.reload()
    await terminalShows('you said only this')
    expect(await size()).toBe('18px')
    await button('Text size').click()
    await button('Standard size').click()
    await expect.poll(size).toBe('12.5px')
    await page.keyboard.press('Escape')
  })

  it('finds a line in the whole history, shows what is around it, and comes back', async () => {
    await field('Find').fill('err 123')
    await button('Search whole history').click()
    const results = page.getByRole('region', { name: 'Search whole history' })
    await results.getByText('22 lines found').waitFor()
    await expect.poll(() => results.getByRole('listitem').count()).toBe(22)
    expect(await results.getByRole('listitem').last().innerText()).toMatch(/run of .*\n?err 123$/)
    await results.getByRole('listitem').last().getByRole('button').click()
    await terminalShows('err 123')
    expect(new URL(page.url()).searchParams.get('at')).toMatch(/^\d+$/)
    expect(await marker().innerText()).toBe('Older lines')
    await inspector.inspect('console-search')
    // Whatever the theme and the size: what was asked for stays in view.
    await terminalShows('err 123')

    await field('Find').fill('^out 12[34]$')
    await results.getByLabel('Regular expression').check()
    await results.getByRole('button', { name: 'Search', exact: true }).click()
    await results.getByText('4 lines found').waitFor()
    await field('Find').fill('(a+)+$')
    await results.getByRole('button', { name: 'Search', exact: true }).click()
    await results.getByText('This cannot be searched for').waitFor()
    await results.getByLabel('Regular expression').uncheck()
    await field('Find').fill('')
    await results.getByRole('button', { name: 'Close' }).click()
    await page.goBack()
    await expect.poll(() => marker().innerText()).toBe('Following')
    await terminalShows('you said anybody there')
  })

  it('goes to a run and to a time', async () => {
    await button('Go to a run or a time').click()
    const panel = page.getByRole('region', { name: 'Go to a run or a time' })
    const runs = panel.getByRole('list', { name: 'Runs of the game' }).getByRole('listitem')
    await expect.poll(() => runs.count()).toBe(2)
    expect(await runs.first().innerText()).toContain('goes on')
    expect(await runs.last().innerText()).toContain('Stopped')
    await runs.last().getByRole('button').click()
    await terminalShows('out 1')
    await inspector.inspect('console-runs')
    await panel.getByLabel('Time', { exact: true }).fill('2100-01-01T00:00:00')
    await panel.getByRole('button', { name: 'Go', exact: true }).click()
    await panel.getByText('Nothing was printed then or later.').waitFor()
    await panel.getByLabel('Time', { exact: true }).fill('2001-01-01T00:00:00')
    await panel.getByRole('button', { name: 'Go', exact: true }).click()
    await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBe('0')
    await page.keyboard.press('Escape')
    await button('Back to live').click()
    await expect.poll(() => new URL(page.url()).searchParams.get('at')).toBeNull()
    await field('Find').fill('')
  })

  it('gives the whole log, byte for byte', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download the whole log' }).click(),
    ])
    const bytes = await readFile(await download.path())
    const told = reader.events.map((event) => ('text' in event ? event.text : '')).join('')
    expect(bytes.equals(Buffer.from(told))).toBe(true)
    expect(numbersOf('out', bytes.toString())).toEqual([...upTo(LINES), ...upTo(LINES)])
    expect(numbersOf('err', bytes.toString())).toEqual([...upTo(LINES), ...upTo(LINES)])
    expect(reader.violations).toEqual([])
  })

  it('asked nobody else, raised no error and kept every page accessible on the way', () => {
    expect(watched.faults).toEqual([])
    expect(inspector.faults).toEqual([])
  })
})
