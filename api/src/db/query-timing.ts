import type pg from 'pg'

type Query = (...args: unknown[]) => unknown

/** Tells how long each statement of a pool's connections takes, whoever sends it and in whichever of pg's forms. */
export function timeQueries(pool: pg.Pool, observe: (seconds: number) => void): void {
  pool.on('connect', (client) => {
    const holder = client as unknown as { query: Query }
    const query = holder.query.bind(client)
    holder.query = (...args) => {
      const started = performance.now()
      const end = () => {
        observe((performance.now() - started) / 1000)
      }
      const callback = args.at(-1)
      if (typeof callback === 'function') {
        return query(...args.slice(0, -1), (...results: unknown[]) => {
          end()
          ;(callback as Query)(...results)
        })
      }
      const result = query(...args)
      if (result instanceof Promise) result.then(end, end)
      return result
    }
  })
}
