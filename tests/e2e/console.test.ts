import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
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
import { openProductUsers, type ProductUsers } from '../support/product-users.ts'
import { createServer, importTestTemplate, mutate, power, sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

/** On each of two streams, at 1 000 lines a second together. Two runs are more than a page keeps at once. */
const LINES = 3500
const RUN_TIMEOUT_MS = 60_000

let product: Product
let client: ThirdParty
let users: ProductUsers
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector
let reader: ConsoleReader
let templateId: string
let id: string

beforeAll(async () => {
  product = await startProduct({ name: 'console', firstGamePort: 25820 })
  client = await product.administrator()
  users = await openProductUsers(product)
  templateId = await importTestTemplate(client, 'printer')
  id = await createServer(client, {
    name: 'Printer',
    templateId,
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
  await users.dispose()
  await client.dispose()
  await product.dispose()
})

const button = (name: string | RegExp, on = page) => on.getByRole('button', { name, exact: typeof name === 'string' })
const field = (name: string, on = page) => on.getByLabel(name, { exact: true })
const marker = () => page.locator('.marker')
const consoleUrl = (server = id) => `${product.url}/servers/${server}/console`
const firstRow = async (on = page) => (await terminalText(on)).split('\n')[0] ?? ''
const everyLine = () => reader.output().split('\n')

/** Numbers that the game printed on a stream, in the order of a text. */
const numbersOf = (stream: 'out' | 'err', text: string) =>
  [...text.matchAll(new RegExp(`\\b${stream} (\\d+)$`, 'gm'))].map(([, number]) => Number(number))
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

/** As the page writes sizes. */
const kibibytes = (bytes: number) => {
  const size = bytes / 1024
  return `${size.toLocaleString('en-GB', size >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 })} KiB`
}

/** Everything that is loaded, without times. */
async function loaded(): Promise<string> {
  await button('Copy the selection or everything').click()
  return page.evaluate(() => navigator.clipboard.readText())
}

async function terminalShows(text: string, on = page): Promise<void> {
  await expect.poll(() => terminalText(on), { timeout: 15_000 }).toContain(text)
}

async function type(command: string, on = page): Promise<void> {
  const line = field('Command to the game', on)
  await line.fill(command)
  await line.press('Enter')
  await expect.poll(() => line.inputValue()).toBe('')
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

  it('shares commands with the other operators, but not private ones', async () => {
    const email = await users.add('second', ['server:read', 'server:read-all', 'console:read', 'console:send'])
    await type('shared words')
    await button('Keep private').click()
    await type('secret words')
    await button('Keep private').click()
    const other = await openPage(browser, product.url)
    await signInOnPage(other.page, product.url, { ...ADMIN, email })
    await other.page.goto(consoleUrl())
    await terminalShows('you said secret words', other.page)
    const theirs = field('Command to the game', other.page)
    const answered = other.page.waitForResponse((response) => response.request().postData()?.includes('ConsoleCommands') === true)
    await theirs.focus()
    await answered
    await expect
      .poll(async () => {
        await theirs.press('ArrowUp')
        return theirs.inputValue()
      })
      .toBe('shared words')
    await theirs.fill('')
    await type('words of the second', other.page)
    await terminalShows('you said words of the second')
    const mine = field('Command to the game')
    await mine.focus()
    await expect
      .poll(async () => {
        await mine.press('ArrowDown')
        await mine.press('ArrowUp')
        return mine.inputValue()
      })
      .toBe('words of the second')
    await mine.press('ArrowUp')
    expect(await mine.inputValue()).toBe('secret words')
    expect(await button('Keep private').getAttribute('aria-pressed')).toBe('true')
    await mine.fill('')
    await button('Keep private').click()
    await mine.fill('sha')
    await mine.press('Tab')
    expect(await mine.inputValue()).toBe('shared words')
    await mine.press('Tab')
    expect(await button('Keep private').evaluate((tool) => tool === document.activeElement)).toBe(true)
    await mine.fill('')

    // Without the right to read, in place and for good.
    await users.allow('second', ['server:read', 'server:read-all'])
    await other.page.getByText('Reading this console needs console:read.').waitFor()
    await other.page.reload()
    await other.page.getByText('Reading this console needs console:read.').waitFor()
    expect((await other.context.request.get(`${product.url}/servers/${id}/console.log`)).status()).toBe(403)
    expect(other.faults).toEqual([])
    await other.context.close()
  })

  it('keeps how much is kept, and what a flood is', async () => {
    await page.getByRole('navigation', { name: 'Parts of the server' }).getByRole('link', { name: 'Settings' }).click()
    await field('Console text kept for').fill('0')
    await button('Save console settings').click()
    await page.getByText('At least 1.').waitFor()
    await inspector.inspect('console-settings')
    await field('Console text kept for').fill('14')
    await field('Flood limit in size').fill('1024')
    // The ring of the focus goes round the unit too.
    const rings = await field('Flood limit in size').evaluate((input) =>
      [input, input.closest('.v-field')].map((element) => element !== null && getComputedStyle(element).outlineStyle),
    )
    expect(rings).toEqual(['none', 'solid'])
    await page.getByLabel('The game is a terminal').check()
    await button('Save console settings').click()
    await page.getByText('Saved', { exact: true }).waitFor()
    const { server } = await client.query<{ server: { consoleSettings: object } }>(
      'query ($id: ID!) { server(id: $id) { consoleSettings { retentionDays floodBytesPerSecond isTerminal } } }',
      { id },
    )
    expect(server.consoleSettings).toEqual({ retentionDays: 14, floodBytesPerSecond: 2 ** 20, isTerminal: true })
  })

  it('answers no questions of the game, and lets it change nothing but its own lines', async () => {
    await page.getByRole('navigation', { name: 'Parts of the server' }).getByRole('link', { name: 'Console' }).click()
    await terminalShows('words of the second')
    const title = await page.title()
    const typed = () => reader.events.filter((event) => 'kind' in event && event.kind === 'INPUT').length
    const before = typed()
    await page.evaluate(() => navigator.clipboard.writeText('mine'))
    await sendConsoleCommand(
      client,
      id,
      'ask \x1b[c\x1b[6n\x1b]0;stolen\x07\x1b]52;c;c3RvbGVu\x07\x1b]8;;http://192.0.2.1\x07link\x1b]8;;\x07\x1b[2J end',
    )
    await terminalShows('you said ask link end')
    expect(await page.title()).toBe(title)
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('mine')
    expect(await page.locator('.xterm a').count()).toBe(0)
    await sendConsoleCommand(client, id, 'after')
    await terminalShows('you said after')
    expect(typed()).toBe(before + 2)
  })

  it('reads out what comes, at a pace that can be listened to', async () => {
    await field('Screen reader mode').click()
    await sendConsoleCommand(client, id, 'one to be heard')
    await page.locator('.reader [aria-live]').filter({ hasText: 'you said one to be heard' }).waitFor({ state: 'attached' })
    expect(await page.locator('.xterm [aria-live]:not([aria-live=off])').count()).toBe(0)
    await inspector.inspect('console-reader')
    await field('Screen reader mode').click()
  })

  it('draws what a flood left out, with its size and its times', async () => {
    const flooder = await createServer(client, {
      name: 'Flooder',
      templateId,
      memoryMiB: 64,
      cpuPercent: 100,
      diskMiB: 64,
      start: true,
      variables: [
        { name: 'LINES', value: '100000' },
        { name: 'LINES_PER_SECOND', value: '20000' },
        { name: 'STREAMS', value: '1' },
      ],
    })
    await mutate(client, 'updateConsoleSettings', 'UpdateConsoleSettingsInput', '__typename', {
      serverId: flooder,
      floodLinesPerSecond: 100,
    })
    const told = readConsole(() => createThirdParty(product.url, client.token), flooder, 0, ['FLOOD'])
    onTestFinished(() => told.stop())
    const sizes = () => told.events.filter(({ __typename }) => __typename === 'ConsoleGap').map(({ from, to }) => kibibytes(to - from))
    await expect.poll(() => sizes().length, { timeout: 60_000 }).toBeGreaterThan(0)
    await page.goto(consoleUrl(flooder))
    await field('Find').fill('left out')
    const line = /([\d.,]+ KiB) left out: over the flood limit, between \d\d:\d\d:\d\d and \d\d:\d\d:\d\d/
    await expect
      .poll(async () => {
        await button('Older match').click()
        return terminalText(page)
      })
      .toMatch(line)
    expect(sizes()).toContain(line.exec(await terminalText(page))?.[1])
    await inspector.inspect('console-flood')
    await terminalShows('left out: over the flood limit')
    expect(told.violations).toEqual([])
  }, 180_000)

  it('asked nobody else, raised no error and kept every page accessible on the way', () => {
    expect(watched.faults).toEqual([])
    expect(inspector.faults).toEqual([])
  })
})
