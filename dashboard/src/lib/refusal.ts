type FieldRefusal = { path: string[]; message: string; code: string }

/** A typed error that a mutation answered with. */
export type Refusal = { __typename?: string; code: string; message: string; fields?: FieldRefusal[] | null }

/** Words for an error by its code; the api's own when the dashboard has none. */
export function refusalText(refusal: Pick<Refusal, 'code' | 'message'>, te: (key: string) => boolean, t: (key: string) => string): string {
  const key = `errors.${refusal.code}`
  return te(key) ? t(key) : refusal.message
}
