import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'

let api: TestApi

beforeAll(async () => {
  api = await startApi()
})

afterAll(async () => {
  await api.dispose()
})

// The promise is 5 s; fails at five times as much.
it('refuses questions behind a lock instead of hanging, and answers them when it is gone', { timeout: 60_000 }, async () => {
  const administrator = await api.administrator()
  const locker = new pg.Client({ connectionString: api.databaseUrl })
  await locker.connect()
  await locker.query('begin')
  await locker.query('lock table "Server" in access exclusive mode')
  try {
    const asked = performance.now()
    await expect(administrator.query('{ serverCounts { count } }')).rejects.toThrow('INTERNAL')
    expect(performance.now() - asked).toBeLessThan(25_000)
    // What does not need the lock is answered meanwhile.
    await administrator.query('{ templates { totalCount } }')
  } finally {
    await locker.query('rollback')
    await locker.end()
  }
  await administrator.query('{ serverCounts { count } }')
})
