import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { startHelper, startRig, type Helper, type Rig, type RigOptions } from '../console-rig/rig.ts'

const START_MS = 180_000

/** What the tests of a file have. */
export type Bench = {
  rig: Rig
  /** A process beside the rig; it ends with the file, if not before. */
  helper(name: string): Helper
  /** Asks the database, around whatever stands before it. */
  rows<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  /** One past the last byte of the console that is on the disk. */
  durableEnd(): Promise<number>
}

/** A console's path without containers, for the tests of a file. */
export function useRig(options: RigOptions = {}): () => Bench {
  let bench: (Bench & { dispose(): Promise<void> }) | null = null
  beforeAll(async () => {
    const rig = await startRig(options)
    const pool = new pg.Pool({ connectionString: rig.databaseUrl, max: 2 })
    const helpers: Helper[] = []
    const rows: Bench['rows'] = async <Row extends object>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows
    bench = {
      rig,
      rows,
      helper(name) {
        const helper = startHelper(name)
        helpers.push(helper)
        return helper
      },
      async durableEnd() {
        const [row] = await rows<{ end: number }>(
          'select coalesce(max("toPosition"), 0)::float8 as end from "ConsoleSegment" where "serverId" = $1',
          [rig.serverId],
        )
        return row?.end ?? 0
      },
      async dispose() {
        for (const helper of helpers) await helper.stop()
        await pool.end()
        await rig.dispose()
      },
    }
  }, START_MS)
  afterAll(() => bench?.dispose(), START_MS)
  return () => {
    if (bench === null) throw new Error('there is no rig outside of a test')
    return bench
  }
}
