import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { startEmbedded } from '@catalyst/prisma/embedded'
import pg from 'pg'
import { ADMIN, type Product } from './product.ts'

/** People of a product that runs, beside its administrator. They have his password. */
export type ProductUsers = {
  /** Adds one with a role of exactly these rights; the address to sign in with. */
  add(username: string, permissions: readonly string[]): Promise<string>
  /** Gives somebody exactly these rights, as of now. */
  allow(username: string, permissions: readonly string[]): Promise<void>
  dispose(): Promise<void>
}

/** Writes to the product's own database: people are not managed over the api yet. */
export async function openProductUsers(product: Product): Promise<ProductUsers> {
  const { url } = await startEmbedded({
    directory: path.join(product.dataDir, 'api', 'postgres'),
    passwordFile: path.join(product.dataDir, 'api', 'secrets', 'postgres-password'),
    logFile: path.join(product.dataDir, 'logs', 'postgres.log'),
    database: 'catalyst',
  })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const roleOf = (username: string) => `role of ${username}`
  return {
    async add(username, permissions) {
      const id = randomUUID()
      const email = `${username}@example.test`
      await client.query(
        `insert into "User" (id, email, username, "displayName", "passwordHash", "updatedAt")
         select $1, $2, $3, $3, "passwordHash", now() from "User" where email = $4`,
        [id, email, username, ADMIN.email],
      )
      await client.query('insert into "Role" (id, name, permissions) values ($1, $2, $3)', [randomUUID(), roleOf(username), permissions])
      await client.query('insert into "RoleAssignment" ("userId", "roleId") select $1, id from "Role" where name = $2', [
        id,
        roleOf(username),
      ])
      return email
    },
    async allow(username, permissions) {
      await client.query('update "Role" set permissions = $1 where name = $2', [permissions, roleOf(username)])
      await client.query(
        `select pg_notify('catalyst_session_revoked', json_build_object('userId', id, 'sessionId', null)::text) from "User" where username = $1`,
        [username],
      )
    },
    dispose: () => client.end(),
  }
}
