import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createApp, type App } from '../../api/src/app.ts'
import type { Env } from '../../api/src/env.ts'
import { createTestDatabase } from './database.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'
import { createThirdParty, signIn, type ThirdParty } from './third-party.ts'

/** The administrator of every api under test. */
export const ADMINISTRATOR = { email: 'admin@example.test', password: 'correct horse battery staple' }
/** What the api under test believes people use; its Origin check goes by it, wherever it really listens. */
export const PUBLIC_URL = 'http://catalyst.example.test'

/** An api of a test file's own, in this process, on a database of its own. */
export type TestApi = {
  /** Where it listens, such as `http://127.0.0.1:41234`. */
  url: string
  databaseUrl: string
  /** What stands before the database, when it was asked for; `sql` goes around it. */
  database: TcpProxy | null
  /** For what has no mutation: fixtures, and looking at what was written. */
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  administrator(): Promise<ThirdParty>
  /** A user with the role User, or with exactly these permissions, signed in. */
  user(username: string, permissions?: readonly string[]): Promise<ThirdParty>
  /** A node as enrolment and a first hello would make it; returns its id. */
  node(node?: Partial<TestNode>): Promise<string>
  /** Stops it and starts another on the same database. */
  restart(): Promise<void>
  dispose(): Promise<void>
}

export type TestNode = {
  name: string
  address: string
  isOnline: boolean
  memoryMiB: number
  cpuPercent: number
  diskMiB: number
  firstPort: number
  lastPort: number
}

/** Starts an api on a copy of the migrated template database. */
export async function startApi(
  options: { dashboardDir?: string; publicUrl?: string; prometheus?: Env['prometheus']; hasProxy?: boolean } = {},
): Promise<TestApi> {
  const database = await createTestDatabase()
  const proxy = options.hasProxy === true ? await startTcpProxy(database.url) : null
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  // The database is dropped under idle connections at the end.
  pool.on('error', () => undefined)
  const start = () =>
    createApp({
      host: '127.0.0.1',
      httpPort: 0,
      publicUrl: options.publicUrl ?? PUBLIC_URL,
      databaseUrl: proxy?.url ?? database.url,
      mongodbUrl: null,
      prometheus: options.prometheus ?? null,
      metricsRetention: { sampleDays: 7, fiveMinuteDays: 90, hourDays: 730 },
      dashboardDir: options.dashboardDir ?? null,
      logLevel: 'silent',
      administrator: ADMINISTRATOR,
    })
  let app: App = await start()
  const clients: ThirdParty[] = []

  const sql: TestApi['sql'] = async <Row extends object>(text: string, values: unknown[] = []) => (await pool.query<Row>(text, values)).rows
  const enter = async (email: string) => {
    const client = await signIn(app.url, email, ADMINISTRATOR.password)
    clients.push(client)
    return client
  }
  const closeClients = async () => {
    await Promise.all(clients.splice(0).map((client) => client.dispose()))
  }

  return {
    get url() {
      return app.url
    },
    databaseUrl: database.url,
    database: proxy,
    sql,
    administrator: () => enter(ADMINISTRATOR.email),
    async user(username, permissions) {
      const id = randomUUID()
      const email = `${username}@example.test`
      await sql(
        `insert into "User" (id, email, username, "displayName", "passwordHash", "updatedAt")
         select $1, $2, $3, $3, "passwordHash", now() from "User" where email = $4`,
        [id, email, username, ADMINISTRATOR.email],
      )
      const role = permissions === undefined ? 'User' : `role of ${username}`
      if (permissions !== undefined)
        await sql('insert into "Role" (id, name, permissions) values ($1, $2, $3)', [randomUUID(), role, permissions])
      await sql('insert into "RoleAssignment" ("userId", "roleId") select $1, id from "Role" where name = $2', [id, role])
      return enter(email)
    },
    async node(given = {}) {
      const id = randomUUID()
      const node: TestNode = {
        name: `node-${id.slice(0, 8)}`,
        address: '192.0.2.10',
        isOnline: true,
        memoryMiB: 8192,
        cpuPercent: 400,
        diskMiB: 100_000,
        firstPort: 25500,
        lastPort: 25519,
        ...given,
      }
      await sql(
        `insert into "Node" (id, name, address, "publicKey", "isOnline", "memoryMiB", "cpuPercent", "diskMiB", "updatedAt")
         values ($1, $2, $3, '', $4, $5, $6, $7, now())`,
        [id, node.name, node.address, node.isOnline, node.memoryMiB, node.cpuPercent, node.diskMiB],
      )
      await sql(
        `insert into "Allocation" (id, "nodeId", ip, port) select gen_random_uuid(), $1, $2, port from generate_series($3::int, $4::int) port`,
        [id, node.address, node.firstPort, node.lastPort],
      )
      return id
    },
    async restart() {
      await closeClients()
      await app.stop()
      app = await start()
    },
    async dispose() {
      await closeClients()
      await app.stop()
      await proxy?.close()
      await pool.end()
      await database.drop()
    },
  }
}

/** Acts as nobody. */
export const anonymous = (api: TestApi): ThirdParty => createThirdParty(api.url, null)
