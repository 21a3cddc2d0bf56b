type Seen = Record<string, unknown>

/**
 * Keeps answers from undoing newer ones. A mutation's answer may have been read before a change whose event came first; an
 * object that tells its `revision` is then shown as it was seen last.
 */
export function createNewest() {
  const newest = new Map<string, Seen>()

  /** Changes the answer in place. */
  return function keepNewest(value: unknown): void {
    if (Array.isArray(value)) {
      value.forEach(keepNewest)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const object = value as Seen
    Object.values(object).forEach(keepNewest)
    const { __typename: type, id, revision } = object
    if (typeof type !== 'string' || typeof id !== 'string' || typeof revision !== 'number') return
    const key = `${type}:${id}`
    const known = newest.get(key)
    if (known !== undefined && Number(known['revision']) > revision)
      for (const field of Object.keys(object)) if (field in known) object[field] = known[field]
    newest.set(key, { ...known, ...object })
  }
}
