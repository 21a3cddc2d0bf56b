import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { DESKTOP, keepPicture, launchBrowser, openPage, showAs, type WatchedPage } from '../support/browser.ts'
import { productDatabase, type ProductDatabase } from '../support/faults/product-database.ts'
import { createInspector, type Inspector } from '../support/inspector.ts'
import { seedEvents, seedMetrics } from '../support/metrics-seed.ts'
import { ADMIN, startProduct, type Product } from '../support/product.ts'
import { createServer, importTestTemplate, sendConsoleCommand } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import type { ThirdParty } from '../support/third-party.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Colours of the design: accent (lines and bands), faint (what is old) and control (hatches). */
const ACCENT = { dark: [0x5c, 0xc3, 0xce], light: [0x0b, 0x67, 0x72] } as const
const FAINT = [0x87, 0x93, 0x9a] as const
const HATCH = [0x68, 0x75, 0x7d] as const
/** Room around the plot, in pixels. */
const LEFT = 66
const RIGHT = 10

let product: Product
let client: ThirdParty
let database: ProductDatabase
let browser: Browser
let watched: WatchedPage
let page: Page
let inspector: Inspector
let serverId: string
let nodeId: string
// On five minutes, so that the buckets of a day are whole.
const now = Math.floor(Date.now() / (5 * MINUTE)) * 5 * MINUTE
const unmeasured = { from: now - 8 * HOUR, to: now - 8 * HOUR + 55 * MINUTE }
const stopped = { from: now - 20 * HOUR, to: now - 18 * HOUR }

beforeAll(async () => {
  product = await startProduct({ name: 'charts', firstGamePort: 26_100 })
  client = await product.administrator()
  database = productDatabase(product.dataDir)
  const templateId = await importTestTemplate(client, 'printer')
  const variables = [{ name: 'LINES', value: '10000000' }]
  serverId = await createServer(client, {
    name: 'Measured',
    templateId,
    memoryMiB: 512,
    cpuPercent: 50,
    diskMiB: 1024,
    start: true,
    variables,
  })
  const { nodes } = await client.query<{ nodes: { nodes: { id: string }[] } }>('{ nodes(first: 1) { nodes { id } } }')
  nodeId = nodes.nodes[0]?.id ?? ''
  await database.rows(`update "Server" set "createdAt" = now() - interval '31 days'`)
  await database.rows(`update "Node" set "createdAt" = now() - interval '31 days'`)
  await seedEvents(database, serverId, [
    { at: stopped.from, kind: 'EXITED', reason: 'STOPPED' },
    { at: stopped.to, kind: 'STARTED' },
    { at: now - 3 * HOUR, kind: 'EXITED', reason: 'OUT_OF_MEMORY' },
    { at: now - 3 * HOUR + 10_000, kind: 'STARTED' },
  ])
  await seedMetrics(database, { serverId, nodeId }, [unmeasured, stopped])
  await untilServer(client, serverId, ({ status }) => status === 'RUNNING', 240_000)
  browser = await launchBrowser()
  watched = await openPage(browser, product.url)
  page = watched.page
  inspector = createInspector(page)
  await signIn(page, ADMIN.email)
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await keepPicture(page, `failed-${task.name.replaceAll(/\W+/g, '-')}`)
})

afterAll(async () => {
  // What was not started has nothing to end.
  await (browser as Browser | undefined)?.close()
  await client.dispose()
  await product.dispose()
})

async function signIn(on: Page, email: string): Promise<void> {
  await on.goto(product.url)
  await on.getByLabel('E-mail').fill(email)
  await on.getByLabel('Password', { exact: true }).fill(ADMIN.password)
  await on.getByRole('button', { name: 'Sign in', exact: true }).click()
  await on.locator('h1').filter({ hasText: 'Servers' }).waitFor()
}

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' })
const chart = (name: RegExp) => page.getByRole('img', { name })
const cpu = () => chart(/^CPU, /)
const figure = (title: string) => page.locator('figure').filter({ has: page.getByRole('heading', { name: title, exact: true }) })
const query = () => new URL(page.url()).searchParams

async function open(search: string): Promise<void> {
  await page.goto(`${product.url}/servers/${serverId}/metrics${search}`)
  await cpu().locator('canvas').waitFor()
}

type Colour = readonly [number, number, number]
/**
 * How many pixels of the CPU chart, at most `reach` columns from a time (ms), have exactly this colour, and how many other ones look
 * like a blend of it. A steep line has few columns of the exact colour.
 */
async function pixels(
  at: number,
  range: { from: number; to: number },
  colour: Colour,
  reach = 6,
): Promise<{ exact: number; blended: number }> {
  const share = (at - range.from) / (range.to - range.from)
  return cpu().evaluate(
    (box, { share, colour, left, right, reach }) => {
      const canvas = box.querySelector('canvas')
      const context = canvas?.getContext('2d')
      if (canvas == null || context == null) throw new Error('no canvas')
      const x = Math.round(left + share * (canvas.width - left - right))
      const { data } = context.getImageData(x - reach, 20, 2 * reach + 1, canvas.height - 60)
      let [exact, blended] = [0, 0]
      for (let place = 0; place < data.length; place += 4) {
        const distance = colour.map((part, index) => Math.abs((data[place + index] ?? 0) - part))
        if (data[place + 3] === 255 && Math.max(...distance) < 12) exact += 1
        else if ((data[place + 3] ?? 0) > 0 && (data[place + 3] ?? 0) < 120 && Math.max(...distance) < 12) blended += 1
      }
      return { exact, blended }
    },
    { share, colour, left: LEFT, right: RIGHT, reach },
  )
}

describe('charts of a server, in the browser', () => {
  it('open by their tab: line, band, limit, gaps with length and cause, marks, and everything in words', async () => {
    await page.goto(`${product.url}/servers/${serverId}/console`)
    await page.getByRole('navigation', { name: 'Parts of the server' }).getByRole('link', { name: 'Metrics' }).click()
    await chart(/^CPU, 24 h: average .* %, highest .* % at .*, limit 50 %, 2 gaps$/).waitFor()
    for (const name of [
      'Memory, 24 h: .*limit 512 MiB',
      'Network, 24 h: out average .*, in average',
      'Disk activity, 24 h',
      'Disk, 24 h',
      'Processes, 24 h',
    ])
      await chart(new RegExp(`^${name}`)).waitFor()
    for (const text of [/Crash .*, out of memory/, /Stopped .* \(2h\)/, /Not measured .* \(55m\)/]) await page.getByText(text).waitFor()
    const range = { from: Date.now() - DAY, to: Date.now() }
    const data = await pixels(now - 5 * HOUR, range, ACCENT.dark, 60)
    expect(data.exact).toBeGreaterThan(5)
    expect(data.blended).toBeGreaterThan(50)
    for (const gap of [unmeasured, stopped]) {
      const middle = (gap.from + gap.to) / 2
      expect(await pixels(middle, range, ACCENT.dark)).toEqual({ exact: 0, blended: 0 })
      expect((await pixels(middle, range, HATCH)).exact).toBeGreaterThan(20)
    }
    await inspector.inspect('metrics')
  })

  it('give every value as a table and as CSV, gaps too', async () => {
    await button('Table').click()
    await page.getByRole('row').filter({ hasText: 'not measured, 55m' }).waitFor()
    await page.getByRole('row').filter({ hasText: 'stopped, 2h' }).waitFor()
    expect(query().get('view')).toBe('table')
    // A day in steps of five minutes, without 11 and 24 of them.
    const rows = await page.locator('tbody tr:not(.gap)').count()
    expect(rows).toBeGreaterThan(245)
    expect(rows).toBeLessThan(256)
    const [download] = await Promise.all([page.waitForEvent('download'), button('Download as CSV').click()])
    expect(download.suggestedFilename()).toMatch(/^Measured .*\.csv$/)
    const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n')
    expect(lines[0]?.split(',').slice(0, 4)).toEqual(['at', 'cpuPercent minimum', 'cpuPercent average', 'cpuPercent maximum'])
    expect(lines.find((line) => line.startsWith(new Date(unmeasured.from + 10 * MINUTE).toISOString()))).toMatch(/Z,+$/)
    await button('Table').click()
    await cpu().waitFor()
  })

  it.each([
    ['1h', '1m', '1 h'],
    ['6h', '1m', '6 h'],
    ['7d', '30m', '7 d'],
    ['30d', '2h', '30 d'],
    ['1y', '1d', '1 y'],
  ])('show %s by the address, in steps of %s', async (key, step, name) => {
    await open(`?range=${key}`)
    await chart(new RegExp(`^CPU, ${name}: average`)).waitFor()
    await page.getByText(`${step} steps, line is the average`).waitFor()
    expect(await button(name).getAttribute('aria-pressed')).toBe('true')
    if (key === '1y') await page.getByText(/^Not there yet before/).waitFor()
    if (key === '30d' || key === '1y') await keepPicture(page, `metrics-${key}`)
  })

  it('take a range of one’s own, refuse one without sense, and go on from there', async () => {
    await button(/Choose another/).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('From').fill('2026-11-02T10:00')
    await dialog.getByLabel('To').fill('2026-11-02T10:00')
    await button('Show').click()
    await dialog.getByText('At least a minute after the beginning.').waitFor()
    await inspector.inspect('metrics-range', 'desktop')
    const local = (at: number) => new Date(at - new Date(at).getTimezoneOffset() * MINUTE).toISOString().slice(0, 16)
    await dialog.getByLabel('From').fill(local(now - 10 * DAY))
    await dialog.getByLabel('To').fill(local(now - 9 * DAY))
    await button('Show').click()
    await dialog.waitFor({ state: 'detached' })
    expect(query().get('from')).toBe(new Date(now - 10 * DAY).toISOString())
    await cpu().waitFor()
    // Only the connection is live; a range of the past is not.
    await expect.poll(() => page.getByText('Live', { exact: true }).count()).toBe(1)
    await button('Earlier').click()
    await expect.poll(() => query().get('from')).toBe(new Date(now - 11 * DAY).toISOString())
    await button('Later').click()
    await expect.poll(() => query().get('to')).toBe(new Date(now - 9 * DAY).toISOString())
    await open('?from=yesterday&to=today')
    await page.getByText('The address names no time range that can be shown.').waitFor()
  })

  it('zoom by a drag into the address, and back by a double click', async () => {
    await open('?range=6h')
    const box = await cpu().boundingBox()
    if (box === null) throw new Error('no chart')
    const x = (share: number) => box.x + LEFT + share * (box.width - LEFT - RIGHT)
    await page.mouse.move(x(0.25), box.y + 60)
    await page.mouse.down()
    await page.mouse.move(x(0.5), box.y + 60, { steps: 5 })
    await page.mouse.up()
    await expect.poll(() => query().get('from')).not.toBeNull()
    const from = Date.parse(query().get('from') ?? '')
    const to = Date.parse(query().get('to') ?? '')
    expect(Math.abs(to - from - 1.5 * HOUR)).toBeLessThan(5 * MINUTE)
    expect(Math.abs(from - (Date.now() - 4.5 * HOUR))).toBeLessThan(5 * MINUTE)
    await chart(/^CPU, .* to .*: average/).waitFor()
    await cpu().dblclick({ position: { x: 200, y: 60 } })
    await expect.poll(() => query().get('range')).toBe('6h')
    await chart(/^CPU, 6 h/).waitFor()
  })

  it('share one crosshair, from the mouse and from the keyboard, also over a gap', async () => {
    await open('')
    const readOut = (title: string) => figure(title).locator('.read-out').innerText()
    await expect.poll(() => readOut('CPU')).toMatch(/^avg/)
    await cpu().hover({ position: { x: 300, y: 60 } })
    await expect.poll(() => readOut('Memory')).toMatch(/^\d\d:\d\d \d+/)
    expect((await readOut('Memory')).slice(0, 5)).toBe((await readOut('CPU')).slice(0, 5))
    await page.mouse.move(5, 5)
    await cpu().focus()
    await page.keyboard.press('Home')
    // The day begins 24 hours ago; 49 steps on it is 20 hours ago, when it was stopped.
    for (let step = 0; step < 50; step += 1) await page.keyboard.press('ArrowRight')
    await expect.poll(() => readOut('CPU')).toMatch(/stopped 2h$/)
    expect(await readOut('Disk')).toBe(await readOut('CPU'))
    await keepPicture(page, 'metrics-crosshair')
    await page.keyboard.press('Escape')
    await expect.poll(() => readOut('Disk')).toMatch(/^avg/)
  })

  it('follow what is measured now, without a reload', async () => {
    await open('?range=1h')
    await page.locator('.about .live:not(.old)').waitFor()
    await cpu()
      .locator('canvas')
      .evaluate((canvas) => {
        canvas.dataset['drawn'] = 'before'
      })
    // The newest step is made of what arrives; those before stand, and the chart is not made anew.
    const csv = async () => {
      const [download] = await Promise.all([page.waitForEvent('download'), button('Download as CSV').click()])
      return (await readFile(await download.path(), 'utf8')).trimEnd().split('\r\n')
    }
    const before = await csv()
    await expect.poll(async () => (await csv()).at(-1), { timeout: 15_000, interval: 500 }).not.toBe(before.at(-1))
    expect(await csv()).toContain(before.at(-3))
    expect(await cpu().locator('canvas').getAttribute('data-drawn')).toBe('before')
    await button('Table').click()
    await inspector.inspect('metrics-table')
    await button('Table').click()
    // Its history too: what happens is marked at once.
    await sendConsoleCommand(client, serverId, 'fail 3')
    await page.getByText(/^Crash [^,]*$/).waitFor()
  })

  it('go grey when the node is away, and say when it was last measured', async () => {
    await open('?range=1h')
    await page.locator('.about .live:not(.old)').waitFor()
    const exact = async (colour: Colour) => {
      const range = { from: Date.now() - HOUR, to: Date.now() }
      return (await pixels(Date.now() - 30 * MINUTE, range, colour, 60)).exact
    }
    const agent = await product.pid('agent')
    process.kill(agent, 'SIGSTOP')
    try {
      await page.getByText(/^Node .* does not answer/).waitFor()
      await expect.poll(() => exact(FAINT)).toBeGreaterThan(5)
      expect(await exact(ACCENT.dark)).toBe(0)
      await page.getByText(/^Not live, last measured /).waitFor()
      await inspector.inspect('metrics-stale', 'desktop')
    } finally {
      process.kill(agent, 'SIGCONT')
    }
    await page.locator('.about .live:not(.old)').waitFor()
    await expect.poll(() => exact(ACCENT.dark)).toBeGreaterThan(5)
  })

  it('change their colours with the theme', async () => {
    await open('')
    const range = { from: Date.now() - DAY, to: Date.now() }
    const exact = async (theme: 'dark' | 'light') => (await pixels(now - 5 * HOUR, range, ACCENT[theme], 60)).exact
    await expect.poll(() => exact('dark')).toBeGreaterThan(5)
    await showAs(page, 'light', DESKTOP)
    await expect.poll(() => exact('light')).toBeGreaterThan(5)
    expect(await exact('dark')).toBe(0)
    await showAs(page, 'dark', DESKTOP)
    await expect.poll(() => exact('dark')).toBeGreaterThan(5)
  })

  it('say so where nothing was measured', async () => {
    await page.goto(`${product.url}/servers/${serverId}/metrics?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z`)
    await page.getByText('Nothing was measured in this time').waitFor()
    await inspector.inspect('metrics-empty', 'desktop')
  })
})

it('tells a gap in the history of the server, in the browser', async () => {
  await database.rows(`insert into "ServerEvent" ("serverId", kind, data, "occurredAt") values ($1, 'METRICS_GAP', $2, $3)`, [
    serverId,
    JSON.stringify({ from: new Date(unmeasured.from), to: new Date(unmeasured.to) }),
    new Date(unmeasured.to),
  ])
  await page.goto(`${product.url}/servers/${serverId}/activity`)
  await page.getByText('No measurements for 55m').waitFor()
})

describe('charts of a node, in the browser', () => {
  it('show the machine, its load and its containers, and its gap', async () => {
    await page.goto(`${product.url}/nodes/${nodeId}`)
    for (const name of ['CPU', 'Memory', 'Network']) await chart(new RegExp(`^${name}, 1 h: `)).waitFor()
    await inspector.inspect('node-glance', 'desktop')
    await page.getByRole('navigation', { name: 'Parts of the node' }).getByRole('link', { name: 'Metrics' }).click()
    await chart(/^CPU, 24 h: average .* %, highest .* % at .*, limit 100 %, 2 gaps$/).waitFor()
    for (const name of ['Load', 'Memory', 'Network, 24 h: out average .* Mbit/s', 'Disk', 'Disk activity', 'Containers'])
      await chart(new RegExp(`^${name}`))
        .first()
        .waitFor()
    await page.getByText(/^Not measured 2 times/).waitFor()
    await inspector.inspect('metrics-node', 'desktop')
  })

  it('are for those who may see nodes, and go when the right is lost', async () => {
    await database.rows(
      `insert into "User" (id, email, username, "displayName", "passwordHash", "updatedAt")
       select gen_random_uuid(), 'guest@example.test', 'guest', 'guest', "passwordHash", now() from "User" where email = $1`,
      [ADMIN.email],
    )
    await database.rows(
      `with role as (insert into "Role" (id, name, permissions) values (gen_random_uuid(), 'guests', array['server:read', 'node:read']) returning id)
       insert into "RoleAssignment" ("userId", "roleId") select "User".id, role.id from "User", role where username = 'guest'`,
    )
    const guest = await openPage(browser, product.url)
    await signIn(guest.page, 'guest@example.test')
    await guest.page.goto(`${product.url}/servers/${serverId}/metrics`)
    await guest.page.getByText('This server is not there').waitFor()
    await guest.page.goto(`${product.url}/nodes/${nodeId}/metrics?range=1h`)
    await guest.page.locator('.about .live:not(.old)').waitFor()
    await database.rows(`update "Role" set permissions = array['server:read'] where name = 'guests'`)
    await guest.page.getByText('node:read').waitFor()
    expect(await guest.page.getByRole('img', { name: /^CPU/ }).count()).toBe(0)
    await guest.context.close()
  })
})

it('asked nobody else, raised no error and kept every page accessible on the way', () => {
  expect(watched.faults).toEqual([])
  expect(inspector.faults).toEqual([])
})
