import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFakeAgent } from '../support/fake-agent.ts'
import { installedServer, startFleet, type Fleet } from '../support/fake-fleet.ts'
import { power } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'

let fleet: Fleet
let id: string

beforeAll(async () => {
  fleet = await startFleet({ first: 25500, last: 25509 }, { hasProxy: true })
  id = await installedServer(fleet)
  await power(fleet.administrator, 'start', id)
  await fleet.agent.report(id, { state: 'RUNNING', generation: 2 })
})

afterAll(async () => {
  fleet.api.database?.become('open')
  await fleet.dispose()
})

/** Milliseconds until a piece of work is refused, as one that may succeed in a moment. */
async function refusedAfter(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await expect(work()).rejects.toThrow('SERVICE_UNAVAILABLE')
  return performance.now() - started
}

const readiness = async () => (await fetch(`${fleet.api.url}/readyz`)).status

/** Milliseconds from the end of a fault until everything works again. */
async function untilWell(): Promise<number> {
  const started = performance.now()
  await expect.poll(readiness, { timeout: 10_000, interval: 20 }).toBe(200)
  await expect.poll(() => fetchServer(fleet.administrator, id).catch(() => null), { timeout: 10_000, interval: 20 }).not.toBeNull()
  return performance.now() - started
}

describe('a lock that somebody holds', () => {
  it('makes callers and agents wait a while, and refuses them with a word', async () => {
    const holder = new pg.Client({ connectionString: fleet.api.databaseUrl })
    await holder.connect()
    await holder.query('begin; lock table "Server" in access exclusive mode')
    const times = await Promise.all([
      refusedAfter(() => fetchServer(fleet.administrator, id)),
      refusedAfter(() => power(fleet.administrator, 'restart', id)),
      refusedAfter(() => fleet.agent.report(id, { state: 'RUNNING' })),
    ])
    expect(Math.max(...times)).toBeLessThan(15_000)
    // What needs none of it goes on.
    expect(await readiness()).toBe(200)
    expect(await fleet.administrator.query('{ viewer { username } }')).toMatchObject({ viewer: { username: 'admin' } })
    await holder.query('rollback')
    await holder.end()
    expect((await power(fleet.administrator, 'restart', id)).status).toMatch(/PENDING|SENT/)
    await fleet.agent.report(id, { state: 'RUNNING', generation: 3 })
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ status: 'RUNNING' })
  })
})

describe('a database that is gone', () => {
  it('is said by readiness and to callers, and the api needs no restart when it is back', async () => {
    fleet.api.database?.become('refuse')
    await refusedAfter(() => fetchServer(fleet.administrator, id))
    await refusedAfter(() => power(fleet.administrator, 'stop', id))
    await refusedAfter(() => fleet.agent.report(id, { state: 'RUNNING', generation: 99 }))
    expect(await readiness()).toBe(503)
    expect((await fetch(`${fleet.api.url}/healthz`)).status).toBe(200)
    // The agent leaves and nobody can write that down.
    await fleet.agent.close()
    fleet.api.database?.become('open')
    const wellAfter = await untilWell()
    expect(wellAfter).toBeLessThan(15_000)
    await expect.poll(async () => (await fetchServer(fleet.administrator, id))?.status, { timeout: 10_000 }).toBe('UNKNOWN')
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
    expect(await fetchServer(fleet.administrator, id)).toMatchObject({ status: 'RUNNING' })
  })

  it('answers connections that break in the middle of work, and loses none of what was answered', async () => {
    const outcomes: Promise<string>[] = []
    for (let round = 0; round < 10; round += 1) {
      for (let count = 0; count < 4; count += 1)
        outcomes.push(
          power(fleet.administrator, 'restart', id).then(
            (command) => command.id,
            (error: unknown) => String(error),
          ),
        )
      await fleet.api.sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'catalyst-api%' and random() < 0.7`,
      )
    }
    const answers = await Promise.all(outcomes)
    const made = answers.filter((answer) => /^[0-9a-f-]{36}$/.test(answer))
    for (const answer of answers) if (!made.includes(answer)) expect(answer).toContain('SERVICE_UNAVAILABLE')
    const rows = await fleet.api.sql<{ id: string }>(`select id from "Command" where "serverId" = $1`, [id])
    expect(rows.map((row) => row.id)).toEqual(expect.arrayContaining(made))
    await untilWell()
    // A session whose orders broke off is ended, and its agent begins anew.
    await fleet.agent.close()
    fleet.agent = await startFakeAgent(fleet.api.url, fleet.node)
  })
})

describe('a database that has fallen silent', () => {
  it('has nobody wait for ever', async () => {
    fleet.api.database?.become('silent')
    const [reading, acting, reporting, ready] = await Promise.all([
      refusedAfter(() => fetchServer(fleet.administrator, id)),
      refusedAfter(() => power(fleet.administrator, 'restart', id)),
      refusedAfter(() => fleet.agent.report(id, { state: 'RUNNING', generation: 99 })),
      readiness(),
    ])
    expect(ready).toBe(503)
    expect(Math.max(reading, acting, reporting)).toBeLessThan(28_000)
    // Heartbeats are answered without it: the session is the same.
    const closed = await Promise.race([fleet.agent.closed, Promise.resolve('open')])
    expect(closed).toBe('open')
    fleet.api.database?.become('open')
    await untilWell()
    await expect
      .poll(() => fleet.agent.report(id, { state: 'RUNNING', generation: 99 }).catch(() => null), { timeout: 10_000 })
      .toMatchObject({ applied: 1 })
  }, 60_000)
})
