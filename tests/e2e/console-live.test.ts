import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { keepPicture, launchBrowser, openPage, signInOnPage, terminalText, type WatchedPage } from '../support/browser.ts'
import { readConsole, type ConsoleReader } from '../support/console-reader.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { openProductUsers, type ProductUsers } from '../support/product-users.ts'
import { createServer, importTestTemplate, mutate, sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

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
  product = await startProduct({ name: 'live', firstGamePort: 25840 })
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
    variables: [{ name: 'LINES', value: '20' }],
  })
  reader = readConsole(() => createThirdParty(product.url, client.token), id)
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
  await signInOnPage(page, product.url, ADMIN)
  await reader.until((output) => output.includes('err 20\n'), 180_000)
  await page.goto(consoleUrl())
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

const button = (name: string) => page.getByRole('button', { name, exact: true })
const field = (name: string, on = page) => on.getByLabel(name, { exact: true })
const consoleUrl = (server = id) => `${product.url}/servers/${server}/console`

/** As the page writes sizes. */
const kibibytes = (bytes: number) => {
  const size = bytes / 1024
  return `${size.toLocaleString('en-GB', size >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 })} KiB`
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

describe('commands, settings and floods of a console, in the browser', () => {
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
