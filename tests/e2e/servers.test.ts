import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { keepPicture, launchBrowser, openPage, signInOnPage, type WatchedPage } from '../support/browser.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate, sendConsoleCommand } from '../support/scenario.ts'
import type { ThirdParty } from '../support/third-party.ts'

let product: Product
let client: ThirdParty
let template: string
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector
const ids: string[] = []

beforeAll(async () => {
  product = await startProduct({ name: 'operate', firstGamePort: 25780 })
  client = await product.administrator()
  template = await importTestTemplate(client, 'printer')
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
  await signInOnPage(page, product.url, ADMIN)
  await page.getByText('No servers yet').waitFor()
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.name.replaceAll(/\W+/g, '-')}`)
})

afterAll(async () => {
  await releaseAgent()
  await browser.close()
  await client.dispose()
  await product.dispose()
})

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const heading = (text: string) => page.locator('h1').filter({ hasText: text })
const pill = (word: string) => page.locator('header .state').filter({ hasText: word })
const row = (name: string) => page.getByRole('row').filter({ hasText: name })
const tab = (name: string, text: string | RegExp) => page.getByRole('navigation', { name }).getByRole('link', { name: text })
const messages = () => page.getByRole('list', { name: 'Messages' })

/** A server of the printing game. */
function make(name: string): Promise<string> {
  const variables = [{ name: 'LINES', value: '20' }]
  return createServer(client, { name, templateId: template, memoryMiB: 64, cpuPercent: 10, diskMiB: 64, start: true, variables })
}

type View = { status: string; runningSince: string | null; pendingRestart: { attempt: number } | null }

async function serverView(id: string): Promise<View> {
  const { server } = await client.query<{ server: View }>(
    'query ($id: ID!) { server(id: $id) { status runningSince pendingRestart { attempt } } }',
    { id },
  )
  return server
}

const first = () => ids[0] ?? ''
/** Until another run than the one of `before` is up. */
const untilRunning = (before: string | null) =>
  expect
    .poll(
      async () => {
        const { status, runningSince } = await serverView(first())
        return status === 'RUNNING' && runningSince !== before
      },
      { timeout: 30_000, interval: 100 },
    )
    .toBe(true)

/** Ends the game with a code and holds the agent before it starts the game again, so that there is time to look. */
async function crashAndHold(code: number): Promise<void> {
  await sendConsoleCommand(client, first(), `fail ${String(code)}`)
  await expect.poll(async () => (await serverView(first())).pendingRestart, { timeout: 20_000, interval: 20 }).not.toBeNull()
  process.kill(await product.pid('agent'), 'SIGSTOP')
}
const releaseAgent = async () => process.kill(await product.pid('agent'), 'SIGCONT')

describe('what an operator does all day, in the browser', () => {
  it('shows servers that others make, without a reload', async () => {
    for (const name of ['Alpha', 'Beta', 'Gamma']) ids.push(await make(name))
    for (const name of ['Alpha', 'Beta', 'Gamma']) await row(name).getByText('Running', { exact: true }).waitFor({ timeout: 120_000 })
  }, 150_000)

  it('stops a selection made by keyboard, and tells the outcome of each server', async () => {
    await heading('Servers').focus()
    await page.keyboard.press('j')
    await page.keyboard.press('x')
    await page.keyboard.press('j')
    await page.keyboard.press('X')
    await page.getByText('2 selected').waitFor()
    await button('Stop 2').click()
    await messages().getByText('Stopped 2 of 2.').waitFor({ timeout: 30_000 })
    await messages().getByRole('button', { name: 'Show' }).click()
    await expect.poll(() => page.getByRole('dialog').getByRole('listitem').allInnerTexts()).toEqual(['Alpha\ndone', 'Beta\ndone'])
    await inspector.inspect('bulk-outcome', 'desktop')
    await button('Close').click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('counts what an order will touch, and follows it to its end', async () => {
    await page.getByLabel('Select all').click()
    await page.getByText('3 selected').waitFor()
    await button('Restart 1 of 3').waitFor()
    await inspector.inspect('bulk-bar', 'desktop')
    await button('Start 2 of 3').click()
    await messages().getByText('Started 2 of 2.').waitFor({ timeout: 30_000 })
    for (const name of ['Alpha', 'Beta', 'Gamma']) await row(name).getByText('Running', { exact: true }).waitFor()
    await page.getByLabel('Clear the selection').click()
  })

  it('tells the history of a server: who did what, and how it ended', async () => {
    await page.getByRole('link', { name: 'Alpha' }).click()
    await tab('Parts of the server', 'Activity').click()
    const history = page.getByRole('region', { name: 'Activity' })
    await history.getByText('Ended: Stopped').first().waitFor()
    for (const text of ['Created', 'Installed', 'Stop wanted', 'Start wanted', 'Exit code 0'])
      await history.getByText(text).first().waitFor()
    await history.getByText('admin').first().waitFor()
    await inspector.inspect('server-activity')
  })

  it('keeps the log of each install readable', async () => {
    await button('Log').first().click()
    await page.getByRole('dialog').getByText(/image/i).first().waitFor()
    expect(new URL(page.url()).searchParams.get('run')).not.toBeNull()
    await inspector.inspect('install-log')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Log')
  })

  it('changes limits of a running server, and says when a restart is needed', async () => {
    await tab('Parts of the server', 'Settings').click()
    await page.getByLabel('Memory', { exact: true }).fill('4')
    await page.getByLabel('Server name').fill('Alpha one')
    await button('Save changes').click()
    await page.getByText('Memory: At least 16.').waitFor()
    await inspector.inspect('settings-refused')
    await page.getByLabel('Memory', { exact: true }).fill('96')
    await button('Save changes').click()
    await page.getByText('Saved', { exact: true }).waitFor()
    await heading('Alpha one').waitFor()
    expect(await page.getByText('Some settings wait for a restart.').count()).toBe(0)
    await page.getByLabel('Lines on each stream').fill('30')
    await button('Save changes').click()
    await page.getByText('Some settings wait for a restart.').waitFor({ timeout: 20_000 })
    await inspector.inspect('settings-restart')
    await button('Restart now').click()
    await page.getByText('Some settings wait for a restart.').waitFor({ state: 'detached', timeout: 30_000 })
    await pill('Running').waitFor({ timeout: 30_000 })
  })

  it('asks before typed settings are lost', async () => {
    await page.getByLabel('Server name').fill('Something else')
    await tab('Parts of the server', 'Console').click()
    await page.getByRole('dialog').getByText('Leave without saving?').waitFor()
    await button('Cancel').click()
    expect(await page.getByLabel('Server name').inputValue()).toBe('Something else')
    await button('Discard').click()
    expect(await page.getByLabel('Server name').inputValue()).toBe('Alpha one')
  })

  it('says why a game crashed, when it is tried again, and lets people decide', async () => {
    await tab('Parts of the server', 'Console').click()
    // Each restart waits longer than the one before.
    for (let crash = 1; crash <= 2; crash += 1) {
      const { runningSince } = await serverView(first())
      await sendConsoleCommand(client, first(), 'fail 3')
      await untilRunning(runningSince)
    }
    await crashAndHold(3)
    await pill('Crashed').waitFor()
    await page.getByText(/^Exit code 3, restart 3 of 5 (in \d+|now)/).waitFor()
    await inspector.inspect('server-crashed')
    const { runningSince } = await serverView(first())
    await button('Start now').click()
    await releaseAgent()
    await untilRunning(runningSince)
    await pill('Running').waitFor()

    await crashAndHold(4)
    await page.getByText(/^Exit code 4, restart \d of 5 (in \d+|now)/).waitFor()
    await button('Do not restart').click()
    await releaseAgent()
    await button('Do not restart').waitFor({ state: 'detached' })
    await button('Start').and(page.locator(':enabled')).waitFor()
    await tab('Parts of the server', 'Activity').click()
    for (const text of ['Ended: Crashed', 'Exit code 4', /^Restart 3 planned for/]) await page.getByText(text).first().waitFor()
  }, 120_000)

  it('reinstalls a stopped server', async () => {
    await tab('Parts of the server', 'Settings').click()
    await button('Reinstall…').click()
    await inspector.inspect('server-reinstall')
    await page.getByRole('dialog').getByRole('button', { name: 'Reinstall' }).click()
    await page.waitForURL('**/console')
    await tab('Parts of the server', 'Activity').click()
    await expect.poll(() => page.getByText('Succeeded').count(), { timeout: 60_000 }).toBe(2)
  })

  it('asked nobody else, raised no error and kept every page accessible on the way', () => {
    expect(watched.faults).toEqual([])
    expect(inspector.faults).toEqual([])
  })
})
