import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { keepPicture, launchBrowser, openPage, terminalText, type WatchedPage } from '../support/browser.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { GETSTATUS, udpQuery } from '../support/udp-query.ts'

/** The picture of the README, made anew only when asked: a test run leaves the checkout as it was. */
const SERVER_PICTURE = path.resolve(import.meta.dirname, '../../dashboard/screenshot.png')
const BUDGETS = path.resolve(import.meta.dirname, '../../dashboard/dist/.vite/budgets.json')

let product: Product
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector

beforeAll(async () => {
  product = await startProduct({ name: 'journey', firstGamePort: 25700 })
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.name.replaceAll(/\W+/g, '-')}`)
})

afterAll(async () => {
  await browser.close()
  await product.dispose()
})

const pill = () => page.locator('header .state')
const heading = () => page.locator('h1')
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })

/** The console's rows once they have what is wanted. */
async function terminalWith(text: string, timeoutMs: number): Promise<string> {
  await expect.poll(() => terminalText(page), { timeout: timeoutMs, interval: 200 }).toContain(text)
  return terminalText(page)
}

async function type(command: string): Promise<void> {
  const field = page.getByLabel('Command to the game')
  await field.fill(command)
  await field.press('Enter')
  // Taken: the line is empty again.
  await expect.poll(() => field.inputValue(), { timeout: 10_000 }).toBe('')
}

describe('a game server, from the sign-in to its end, in the browser', () => {
  it('asks strangers to sign in and leads them where they wanted to go', async () => {
    await page.goto(`${product.url}/nodes`)
    await heading().filter({ hasText: 'Sign in' }).waitFor()
    await inspector.inspect('sign-in')
    await page.getByLabel('E-mail').fill(ADMIN.email)
    await page.getByLabel('Password', { exact: true }).fill('not the password')
    await page.getByLabel('Password', { exact: true }).press('Enter')
    await page.getByText('That password does not fit').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
    await button('Sign in').click()
    await heading().filter({ hasText: 'Nodes' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/nodes')
    const cookies = await watched.context.cookies()
    expect(cookies).toContainEqual(expect.objectContaining({ httpOnly: true, sameSite: expect.stringMatching(/Lax|Strict/) as unknown }))
  })

  it('shows this machine as a node, and how to add another', async () => {
    await page.getByRole('table').getByText('Online').waitFor()
    await inspector.inspect('nodes')
    await button('Add node').click()
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('second')
    await page.getByRole('dialog').getByLabel('Address of its games').fill('192.0.2.7')
    await button('Make the command').click()
    await page.getByRole('dialog').getByText('npm run agent:install').waitFor()
    await inspector.inspect('node-enrol')
    await button('Close').click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('table').getByRole('link').first().click()
    await page.getByText('No servers on this node.').waitFor()
    await inspector.inspect('node')
  })

  it('lists the bundled templates', async () => {
    await page.getByRole('link', { name: 'Templates' }).first().click()
    await page.getByRole('link', { name: 'OpenArena', exact: true }).waitFor()
    await inspector.inspect('templates')
    await page.getByRole('link', { name: 'OpenArena', exact: true }).click()
    await page.getByText('Players and server browsers.', { exact: true }).waitFor()
    await inspector.inspect('template')
  })

  it('refuses what breaks the rules, on its field, and keeps the input', async () => {
    await page.getByRole('link', { name: 'Servers' }).first().click()
    await page.getByText('No servers yet').waitFor()
    await inspector.inspect('servers-empty')
    await page.getByRole('link', { name: 'Create server' }).click()
    await page.getByText('OpenArena', { exact: true }).first().click()
    await page.getByLabel('Server name').fill('Arena')
    await page.getByLabel('Memory', { exact: true }).fill('99999999')
    await page.getByLabel('Players at most').fill('65')
    await button('Create server').click()
    await page.getByText(/things? needs? a change before this server can be created/).waitFor()
    await inspector.inspect('create-refused')
    expect(await page.getByLabel('Server name').inputValue()).toBe('Arena')
    expect(await page.getByLabel('Memory', { exact: true }).inputValue()).toBe('99999999')
  })

  it('creates an OpenArena server and shows it become running', async () => {
    await page.getByLabel('Memory', { exact: true }).fill('512')
    await page.getByLabel('Disk', { exact: true }).fill('1024')
    await page.getByLabel('Players at most').fill('8')
    await inspector.inspect('create')
    await button('Create server').click()
    await heading().filter({ hasText: 'Arena' }).waitFor()
    await page.getByText('Install log').waitFor()
    await inspector.inspect('install')
    await pill().filter({ hasText: 'Running' }).waitFor({ timeout: 300_000 })
    await terminalWith('InitGame', 60_000)
  }, 420_000)

  it('reads its console, types a command and reads the answer', async () => {
    await type('status')
    const text = await terminalWith('score ping name', 15_000)
    expect(text).toContain('> status')
  })

  it('sees the memory figure move', async () => {
    const memory = page.getByTestId('memory')
    await expect.poll(() => memory.innerText(), { timeout: 30_000 }).toMatch(/\d.*MiB/)
    const before = await memory.innerText()
    await type('map oa_dm4')
    await expect.poll(() => memory.innerText(), { timeout: 60_000, interval: 500 }).not.toBe(before)
    await inspector.inspect('server')
    if (process.env['CATALYST_WRITE_SCREENSHOT'] === '1') {
      const drawn = async () => (await page.locator('.spark polyline').first().getAttribute('points'))?.split(' ').length ?? 0
      await expect.poll(drawn, { timeout: 120_000, interval: 1000 }).toBeGreaterThan(75)
      await page.screenshot({ path: SERVER_PICTURE })
    }
  }, 240_000)

  it('answers players through its published port', async () => {
    const address = await page.locator('header .address .text').first().innerText()
    const [ip, port] = address.split(':')
    expect(ip).toBe('127.0.0.1')
    expect((await udpQuery(Number(port), GETSTATUS, 15_000)).toString('latin1')).toContain('statusResponse')
  })

  it('lets Tab out of the console', async () => {
    await page.getByLabel('Find', { exact: true }).focus()
    const passed = new Set<string>()
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press('Tab')
      passed.add(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? ''))
    }
    expect(passed).toContain('Command to the game')
  })

  it('goes on where it was when the api dies: no line is lost or shown twice', async () => {
    await type('echo before the loss')
    await terminalWith('> echo before the loss', 10_000)
    await product.kill('api')
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 })
    await expect.poll(async () => (await page.locator('.marker').innerText()).trim(), { timeout: 60_000 }).toBe('Following')
    // The node comes back after the browser: until then commands are refused.
    const client = await product.administrator()
    const isOnline = async () =>
      (await client.query<{ nodes: { nodes: { isOnline: boolean }[] } }>('{ nodes(first: 1) { nodes { isOnline } } }')).nodes.nodes[0]
        ?.isOnline
    await expect.poll(isOnline, { timeout: 30_000 }).toBe(true)
    await client.dispose()
    await page.getByLabel('Command to the game').and(page.locator(':enabled')).waitFor({ timeout: 60_000 })
    await type('echo after the loss')
    const text = await terminalWith('> echo after the loss', 20_000)
    for (const line of ['> echo before the loss', '> echo after the loss']) expect(text.split(line)).toHaveLength(2)
    await pill().filter({ hasText: 'Running' }).waitFor({ timeout: 30_000 })
  })

  it('finds it in the list, with its numbers', async () => {
    await page.getByRole('link', { name: 'Servers' }).first().click()
    await page.getByRole('row').filter({ hasText: 'Arena' }).getByRole('meter').first().waitFor({ timeout: 30_000 })
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
    await inspector.inspect('servers')
    await page.keyboard.press('j')
    await page.keyboard.press('x')
    await page.getByText('1 selected').waitFor()
    await inspector.inspect('servers-selected', 'desktop')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await page.getByRole('dialog').getByText('On a server').waitFor()
    await inspector.inspect('keys')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await heading().filter({ hasText: 'Arena' }).waitFor()
  })

  it('stops it and shows it stopped', async () => {
    await button('Stop').click()
    await pill().filter({ hasText: 'Stopped' }).waitFor({ timeout: 60_000 })
    await inspector.inspect('server-stopped')
  })

  it('deletes it, by name only', async () => {
    await button('More for Arena').click()
    await page.getByText('Delete…').click()
    const confirm = page.getByRole('dialog').getByRole('button', { name: 'Delete server' })
    expect(await confirm.isDisabled()).toBe(true)
    await page.getByRole('dialog').getByRole('textbox').fill('Arena')
    await inspector.inspect('server-delete')
    await confirm.click()
    await page.getByText('No servers yet').waitFor({ timeout: 60_000 })
  })

  it('asked nobody else, raised no error and kept every page accessible on the way', () => {
    expect(watched.faults).toEqual([])
    expect(inspector.faults).toEqual([])
  })

  it('loads no more than its budgets', async () => {
    const lines = JSON.parse(await readFile(BUDGETS, 'utf8')) as { what: string; is: number; budget: number }[]
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.filter(({ is, budget }) => is > budget)).toEqual([])
  })

  it('signs out', async () => {
    await button(/^Account of/).click()
    await page.getByText('Sign out', { exact: true }).click()
    await heading().filter({ hasText: 'Sign in' }).waitFor()
    await page.goto(`${product.url}/servers`)
    await heading().filter({ hasText: 'Sign in' }).waitFor()
  })
})
