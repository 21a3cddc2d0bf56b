import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { keepPicture, launchBrowser, openPage, signInOnPage, type WatchedPage } from '../support/browser.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { startLocalAgent, type LocalAgent } from '../support/local-agent.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

const PORTS = { first: 25_740, last: 25_749 }

let product: Product
let client: ThirdParty
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector
let agent: LocalAgent | null = null

beforeAll(async () => {
  product = await startProduct({ name: 'nodes', firstGamePort: 25760 })
  client = await product.administrator()
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
  await signInOnPage(page, product.url, ADMIN)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.name.replaceAll(/\W+/g, '-')}`)
})

afterAll(async () => {
  await browser.close()
  await client.dispose()
  await agent?.dispose()
  await product.dispose()
})

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const heading = (text: string) => page.locator('h1').filter({ hasText: text })
const pill = (word: string) => page.locator('header .state').filter({ hasText: word })
const row = (name: string) => page.getByRole('row').filter({ hasText: name })
const tab = (name: string, text: string | RegExp) => page.getByRole('navigation', { name }).getByRole('link', { name: text })
const messages = () => page.getByRole('list', { name: 'Messages' })

/** Of the product's own containerd, or of the machine's that it found. */
function containerdSocket(): string {
  const own = path.join(product.dataDir, 'containerd', 'containerd.sock')
  return existsSync(own) ? own : (process.env['CONTAINERD_SOCKET'] ?? '/run/containerd/containerd.sock')
}

describe('nodes, in the browser', () => {
  it('lists the commands that no machine has run, and revokes them', async () => {
    await page.goto(`${product.url}/nodes?enrol=1`)
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('never')
    await dialog.getByLabel('Address of its games').fill('127.0.0.1')
    await button('Make the command').click()
    await dialog.locator('code').waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    const open = page.getByRole('listitem').filter({ hasText: 'never' })
    await open.getByText('a new node').waitFor()
    await inspector.inspect('node-commands')
    await button('Revoke the command for never').click()
    await open.waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: 'Enrolment commands' }).waitFor({ state: 'detached' })
  })

  it('waits in the dialog until the new machine has come', async () => {
    await page.goto(`${product.url}/nodes?enrol=1`)
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('second')
    await dialog.getByLabel('Address of its games').fill('127.0.0.1')
    await dialog.getByLabel('First port for games').fill(String(PORTS.first))
    await dialog.getByLabel('Last port for games').fill(String(PORTS.last))
    await dialog.getByLabel('Location').fill('Helsinki')
    await dialog.getByLabel('Tags').fill('ssd, eu')
    await button('Make the command').click()
    await dialog.getByText('Waiting for the machine of second to call').waitFor()
    const command = await dialog.locator('code').innerText()
    agent = await startLocalAgent({
      name: 'second',
      apiUrl: product.url,
      administrator: client,
      containerdSocket: containerdSocket(),
      ports: PORTS,
      token: /--token (\S+)/.exec(command)?.[1] ?? '',
    })
    await dialog.getByText('second is enrolled').waitFor({ timeout: 20_000 })
    await dialog.getByText(/of memory, .* of disk/).waitFor({ timeout: 20_000 })
    await inspector.inspect('node-arrived')
    await dialog.getByRole('link', { name: 'Open node' }).click()
    await heading('second').waitFor()
    await pill('Online').waitFor()
    await inspector.inspect('node-overview')
  }, 120_000)

  it('keeps a stock of ports with notes', async () => {
    await tab('Parts of the node', /^Ports/).click()
    await page.getByText('127.0.0.1:25740').waitFor()
    await button('Add ports…').click()
    await page.getByRole('dialog').getByLabel('First port').fill('80')
    await page.getByRole('dialog').getByRole('button', { name: 'Add ports' }).click()
    await page.getByText('Ports are 1024 to 65535.').first().waitFor()
    await page.getByRole('dialog').getByLabel('First port').fill('25749')
    await page.getByRole('dialog').getByLabel('Last port').fill('25751')
    await page.getByRole('dialog').getByLabel('Note').fill('for tournaments')
    await inspector.inspect('node-ports-add')
    await page.getByRole('dialog').getByRole('button', { name: 'Add ports' }).click()
    await messages().getByText('Added 2 ports.').waitFor()
    await page.getByLabel('Dismiss').click()
    await page.getByLabel('Address, note or server').fill('tournaments')
    await expect.poll(() => page.getByRole('row').count()).toBe(3)
    await page.getByLabel('Select all').click()
    await button('Note…').click()
    await page.getByRole('dialog').getByLabel('Note').fill('for finals')
    await button('Save note').click()
    await page.getByText('No port passes these filters.').waitFor()
    await page.getByLabel('Address, note or server').fill('finals')
    await expect.poll(() => page.getByRole('row').count()).toBe(3)
    await inspector.inspect('node-ports')
    await page.getByLabel('Select all').click()
    await button('Remove 2').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove 2' }).click()
    await page.getByText('No port passes these filters.').waitFor()
  })

  it('changes settings of a node, and tells its history', async () => {
    await tab('Parts of the node', 'Settings').click()
    await page.getByLabel('Name', { exact: true }).fill('hel-1')
    await page.getByLabel('CPU', { exact: true }).fill('5')
    await button('Save changes').click()
    await page.getByText('At least 10.').waitFor()
    await page.getByLabel('CPU', { exact: true }).fill('150')
    await button('Save changes').click()
    await heading('hel-1').waitFor()
    await inspector.inspect('node-settings')
    await button('New key…').click()
    await button('Make the command').click()
    await page.getByRole('dialog').locator('code').waitFor()
    await inspector.inspect('node-rekey')
    await button('Close').click()
    await button('Start maintenance').click()
    await pill('Maintenance').waitFor()
    await button('End maintenance').click()
    await pill('Online').waitFor()
    await tab('Parts of the node', 'Events').click()
    for (const text of ['Enrolled', 'Maintenance started', 'Maintenance ended', 'CPU promised up to: “100” is now “150”'])
      await page.getByText(text).first().waitFor()
    await inspector.inspect('node-events')
  })

  it('offers locations and tags to the choice of a node', async () => {
    await page.goto(`${product.url}/servers/new`)
    await page.getByLabel('Location').selectOption('Helsinki')
    await page.getByText('Now that would be hel-1').waitFor()
    await page.getByLabel('ssd').check()
    await inspector.inspect('create-placement')
  })

  it('shows a node that is away at once, dates what it knew, and keeps wishes for it', async () => {
    if (agent === null) throw new Error('the second node is missing')
    const id = await createServer(client, {
      name: 'Faraway',
      templateId: await importTestTemplate(client, 'printer'),
      nodeId: agent.nodeId,
      memoryMiB: 64,
      cpuPercent: 10,
      diskMiB: 64,
      start: true,
      variables: [{ name: 'LINES', value: '20' }],
    })
    await untilServer(client, id, ({ status }) => status === 'RUNNING', 120_000)
    await page.goto(`${product.url}/servers`)
    await row('Faraway').getByText('Running', { exact: true }).waitFor()
    await agent.stop()
    await row('Faraway').getByText('Unknown').waitFor({ timeout: 6000 })
    await row('Faraway')
      .getByText(/^Was “Running” at/)
      .waitFor()
    await page.getByText(/^Node hel-1 has not answered for/).waitFor()
    await inspector.inspect('servers-node-away')
    await page.getByRole('link', { name: 'Faraway' }).click()
    await button('Stop').click()
    await page.getByText('Stopping, waiting for node hel-1.').waitFor()
    await inspector.inspect('server-waiting')
    await button('Withdraw').click()
    await page.getByText('Node hel-1 does not answer. The game keeps running there.').waitFor()
    await agent.start()
    await pill('Running').waitFor({ timeout: 30_000 })
  }, 180_000)

  it('deletes a server whose node is away only by force, and then its node', async () => {
    if (agent === null) throw new Error('the second node is missing')
    await agent.stop()
    await pill('Unknown').waitFor({ timeout: 6000 })
    await tab('Parts of the server', 'Settings').click()
    await button('Delete…').click()
    await page.getByRole('dialog').getByText('Do not wait for the node').click()
    await page.getByRole('dialog').getByRole('textbox').fill('Faraway')
    await inspector.inspect('server-delete-forced')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete server' }).click()
    await heading('Servers').waitFor()
    await row('Faraway').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Open node' }).click()
    await tab('Parts of the node', 'Settings').click()
    // The node still has to remove it: it comes back, is told so, and can go then.
    await agent.start()
    await pill('Online').waitFor({ timeout: 20_000 })
    await button('Delete…').and(page.locator(':enabled')).waitFor({ timeout: 30_000 })
    await agent.stop()
    await button('Delete…').click()
    await page.getByRole('dialog').getByRole('textbox').fill('hel-1')
    await inspector.inspect('node-delete')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete node' }).click()
    await heading('Nodes').waitFor()
    await row('hel-1').waitFor({ state: 'detached' })
  }, 120_000)

  it('asked nobody else, raised no error and kept every page accessible on the way', () => {
    expect(watched.faults).toEqual([])
    expect(inspector.faults).toEqual([])
  })
})
