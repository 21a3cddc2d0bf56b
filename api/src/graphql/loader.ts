import DataLoader from 'dataloader'
import type { Context } from './context.ts'

/** Asks for many objects in one statement when the rows of a list each ask for one. Nothing is kept: contexts of sockets live long. */
export function createLoader<Value>(
  load: (context: Context, ids: readonly string[]) => Promise<(Value | null)[]>,
): (context: Context, id: string) => Promise<Value> {
  const loaders = new WeakMap<Context, DataLoader<string, Value | null>>()
  return async (context, id) => {
    const loader =
      loaders.get(context) ??
      new DataLoader((ids) => load(context, [...new Set(ids)]).then((values) => spread(ids, values)), { cache: false })
    loaders.set(context, loader)
    const value = await loader.load(id)
    if (value === null) throw new Error(`a row refers to ${id}, which is not there`)
    return value
  }
}

/** Values of distinct ids, in the order of all. */
function spread<Value>(ids: readonly string[], values: readonly (Value | null)[]): (Value | null)[] {
  const byId = new Map([...new Set(ids)].map((id, index) => [id, values[index] ?? null]))
  return ids.map((id) => byId.get(id) ?? null)
}
