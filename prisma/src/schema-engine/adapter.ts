import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import { createDatabase, dropDatabase, runSql, withDatabase } from './sql.ts'

/** Where the engine works. No address: only what needs no database. */
export type Datasource = { url?: string | undefined; shadowDatabaseUrl?: string | undefined }

export type EngineAdapter = ReturnType<typeof bindMigrationAwareSqlAdapterFactory>

const NOWHERE = 'postgresql://none@127.0.0.1:1/none'
const OID_CHAR = 18
const OID_BPCHAR = 1042

type QueryResult = { fields?: { dataTypeID: number }[]; rows: object }

/**
 * The catalogue type `"char"` has no mapping in adapter-pg, and the engine wants a Character of it: text makes it panic. The
 * fields are renamed on their way in, and remembered by the array of rows, which adapter-pg hands on as it is.
 */
function createPool(url: string, charColumns: WeakMap<object, number[]>): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const query = pool.query.bind(pool) as unknown as (...args: unknown[]) => Promise<QueryResult | QueryResult[]>
  return Object.assign(pool, {
    query: async (...args: unknown[]) => {
      const result = await query(...args)
      if (Array.isArray(result) || result.fields === undefined) return result
      const columns = result.fields.flatMap((field, index) => (field.dataTypeID === OID_CHAR ? [index] : []))
      for (const index of columns) result.fields[index] = Object.assign(result.fields[index] ?? {}, { dataTypeID: OID_BPCHAR })
      charColumns.set(result.rows, columns)
      return result
    },
  })
}

/** adapter-pg was written for queries; the schema engine needs four more things of it. */
async function openConnection(url: string, afterDispose: () => Promise<void> = () => Promise.resolve()): Promise<SqlDriverAdapter> {
  const charColumns = new WeakMap<object, number[]>()
  const pool = createPool(url, charColumns)
  const connection = await new PrismaPg(pool).connect()
  let disposed: Promise<void> | undefined
  const dispose = async () => {
    await connection.dispose()
    await pool.end()
    await afterDispose()
  }
  return {
    provider: connection.provider,
    adapterName: connection.adapterName,
    queryRaw: async (query) => {
      const result = await connection.queryRaw(query)
      for (const index of charColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character
      return result
    },
    executeRaw: (query) => connection.executeRaw(query),
    // Its own splits at every ";". Without arguments the text goes out as one simple query, function bodies and all.
    executeScript: async (text) => {
      await connection.executeRaw({ sql: text, args: [], argTypes: [] })
    },
    startTransaction: (isolationLevel) => connection.startTransaction(isolationLevel),
    getConnectionInfo: () => connection.getConnectionInfo(),
    // Its own leaves the pool open.
    dispose: () => (disposed ??= dispose()),
  }
}

/** What `SchemaEngine.new` takes. `opened` receives every connection, for the caller to dispose of. */
export function createEngineAdapter(datasource: Datasource, opened: SqlDriverAdapter[]): EngineAdapter {
  const url = datasource.url ?? NOWHERE
  const open = async (target: string, afterDispose?: () => Promise<void>) => {
    const connection = await openConnection(target, afterDispose)
    opened.push(connection)
    return connection
  }
  return bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => open(url),
    // adapter-pg's own would hand out the main database here, and migrations would run there.
    connectToShadowDb: async () => {
      if (datasource.shadowDatabaseUrl !== undefined) {
        await runSql(datasource.shadowDatabaseUrl, 'DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public')
        return open(datasource.shadowDatabaseUrl)
      }
      const shadow = withDatabase(url, `prisma_migrate_shadow_db_${randomUUID()}`)
      await createDatabase(shadow)
      return open(shadow, () => dropDatabase(shadow))
    },
  })
}
