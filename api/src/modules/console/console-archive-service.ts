import { z } from 'zod'
import type { UserActor } from '../../lib/actor.ts'
import { NotFoundError, RateLimitedError, ValidationError } from '../../lib/errors.ts'
import { createGate } from '../../lib/gate.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { createRateLimiter } from '../../lib/rate-limiter.ts'
import { validate } from '../../lib/validate.ts'
import { problemOfPattern } from '../templates/pattern-safety.ts'
import { dropAfter, type ConsolePiece } from './console-chunk.ts'
import { readPage, type PagePlace } from './console-page.ts'
import type { ConsoleReadModel, ConsoleRun, SentCommand } from './console-read-model.ts'
import { searchConsole, SearchTooSlowError, type ConsoleMatch, type SearchQuery } from './console-search.ts'
import type { ConsoleService } from './console-service.ts'
import type { ConsoleStore } from './console-store.ts'

/** Some of a console. Positions are its cursors. */
export type ConsolePage = { pieces: ConsolePiece[]; hasPreviousPage: boolean; hasNextPage: boolean }
/** Newest first; `endCursor` is where to search on. */
export type ConsoleMatches = { matches: ConsoleMatch[]; startCursor: number | null; endCursor: number | null; hasNextPage: boolean }

/** What was. Each answers null when the server is not visible. */
export type ConsoleArchiveService = {
  /** A page before or after a position, from a time on, or at the end. @throws ValidationError, ForbiddenError */
  page(actor: UserActor, serverId: string, input: object): Promise<ConsolePage | null>
  /** Lines with a text or matching a pattern, newest first; bounded in time. @throws ValidationError, ForbiddenError, RateLimitedError */
  search(actor: UserActor, serverId: string, input: object): Promise<ConsoleMatches | null>
  /** Runs of which something is kept, newest first. */
  runs(actor: UserActor, serverId: string, request: PageRequest): Promise<Page<ConsoleRun> | null>
  /** What was typed by all, and privately by the actor, newest first. */
  commands(actor: UserActor, serverId: string, request: PageRequest): Promise<Page<SentCommand> | null>
  /** The whole log as it is now, as raw bytes; gaps are left out. @throws NotFoundError, ForbiddenError */
  download(actor: UserActor, serverId: string): Promise<AsyncGenerator<Buffer, void, undefined>>
}

const DEFAULT_LINES = 500
const MOST_LINES = 5000
const MOST_MATCHES = 100
const SEGMENTS_AT_ONCE = 32
const SEARCHES_PER_10_SECONDS = 10
/** Of all people together: each keeps a processor busy for as long as a search may take. */
const PATTERNS_AT_ONCE = 2
/** People who wait for theirs; each has one. */
const PATTERNS_WAITING = 20

const position = z.number().int().min(0, 'is not below 0').nullish()

const pageInput = z
  .object({ before: position, after: position, at: z.date().nullish(), lines: z.number().int().min(1).max(MOST_LINES).nullish() })
  .refine(({ before, after, at }) => [before, after, at].filter((place) => place != null).length <= 1, {
    path: ['before'],
    message: 'before, after and at exclude each other',
  })

const searchInput = z
  .object({
    text: z
      .string()
      .min(1)
      .max(200)
      .regex(/^[^\n\r\0]*$/, 'is in one line')
      .nullish(),
    regex: z.string().min(1).max(200).nullish(),
    matchCase: z.boolean().nullish(),
    before: position,
    first: z.number().int().min(1).max(MOST_MATCHES).nullish(),
  })
  .refine(({ text, regex }) => (text == null) !== (regex == null), { path: ['text'], message: 'either text or regex is given' })

/** @throws ValidationError for a pattern that is none, or could take for ever */
function toQuery({ text, regex, matchCase: given }: Pick<z.infer<typeof searchInput>, 'text' | 'regex' | 'matchCase'>): SearchQuery {
  const matchCase = given ?? false
  if (regex == null) return { kind: 'text', text: text ?? '', matchCase }
  const problem = problemOfPattern(regex)
  if (problem !== null) throw new ValidationError([{ path: ['regex'], code: 'INVALID_PATTERN', message: problem }])
  return { kind: 'regex', pattern: regex, matchCase }
}

export type ConsoleArchiveDeps = {
  consoles: Pick<ConsoleService, 'archive' | 'access'>
  store: ConsoleStore
  readModel: ConsoleReadModel
  monotonicMs: () => number
}

export function createConsoleArchiveService({ consoles, store, readModel, monotonicMs }: ConsoleArchiveDeps): ConsoleArchiveService {
  const limiter = createRateLimiter(SEARCHES_PER_10_SECONDS, 10, monotonicMs)
  const patternGate = createGate(PATTERNS_AT_ONCE)
  /** Who searches with a pattern now, or waits for it. */
  const patternUsers = new Set<string>()

  /** @throws RateLimitedError */
  async function withPattern<T>(userId: string, run: () => Promise<T>): Promise<T> {
    if (patternUsers.has(userId)) throw new RateLimitedError(1, 'Your last search with a pattern is not over yet.')
    if (patternUsers.size >= PATTERNS_AT_ONCE + PATTERNS_WAITING) throw new RateLimitedError(1, 'Too many people search with patterns now.')
    patternUsers.add(userId)
    try {
      return await patternGate(run)
    } finally {
      patternUsers.delete(userId)
    }
  }

  /** Null when the server is not visible. @throws ForbiddenError when it is and the right is missing */
  async function forReader<T>(actor: UserActor, serverId: string, work: () => Promise<T>): Promise<T | null> {
    try {
      await consoles.access(actor, serverId, 'console:read')
    } catch (error) {
      if (error instanceof NotFoundError) return null
      throw error
    }
    return work()
  }

  async function firstPositionSince(serverId: string, at: Date, recent: readonly ConsolePiece[], end: number): Promise<number> {
    const pieces = [...((await store.since(serverId, at)) ?? []), ...recent]
    return pieces.find((piece) => piece.kind !== 'GAP' && piece.at >= at.getTime())?.from ?? end
  }

  return {
    page: (actor, serverId, input) =>
      forReader(actor, serverId, async () => {
        const { before, after, at, lines } = validate(pageInput, input)
        const { feed, history } = await consoles.archive(serverId)
        const end = feed.head()
        const start = (await store.start(serverId)) ?? feed.pending()[0]?.from ?? end
        const place: PagePlace =
          after != null
            ? { after }
            : at != null
              ? { after: await firstPositionSince(serverId, at, feed.pending().slice(), end) }
              : { before: before ?? end }
        const pieces = await readPage(history, place, lines ?? DEFAULT_LINES, end)
        const asked = 'after' in place ? place.after : place.before
        return {
          pieces,
          hasPreviousPage: (pieces[0]?.from ?? asked) > start,
          hasNextPage: (pieces.at(-1)?.to ?? asked) < end,
        }
      }),

    search: (actor, serverId, input) =>
      forReader(actor, serverId, async () => {
        const { before, first, ...what } = validate(searchInput, input)
        const query = toQuery(what)
        const wait = limiter.take(actor.id)
        if (wait > 0) throw new RateLimitedError(wait)
        const { feed } = await consoles.archive(serverId)
        let place = Math.min(before ?? Infinity, feed.head())
        let recent: ConsolePiece[] | null = feed.pending().slice()
        const beforePlace = (pieces: readonly ConsolePiece[]) =>
          pieces.filter((piece) => piece.from < place).map((piece) => dropAfter(piece, place))
        const more = async (): Promise<ConsolePiece[][]> => {
          // What is in memory may be on the disk already: what was searched is left out by its place.
          const segments = recent === null || recent.length === 0 ? await store.before(serverId, place, SEGMENTS_AT_ONCE) : [recent]
          recent = null
          return segments.map((pieces) => {
            const wanted = beforePlace(pieces)
            place = wanted[0]?.from ?? place
            return wanted
          })
        }
        try {
          const run = () => searchConsole({ query, first: first ?? 50, more, monotonicMs })
          const { matches, next } = await (query.kind === 'regex' ? withPattern(actor.id, run) : run())
          return { matches, startCursor: matches[0]?.position ?? null, endCursor: next, hasNextPage: next !== null }
        } catch (error) {
          if (!(error instanceof SearchTooSlowError)) throw error
          throw new ValidationError([{ path: ['regex'], code: 'TOO_SLOW', message: 'takes too long' }])
        }
      }),

    runs: (actor, serverId, request) => forReader(actor, serverId, () => readModel.runs(serverId, request)),

    commands: (actor, serverId, request) => forReader(actor, serverId, () => readModel.commands(actor.id, serverId, request)),

    async download(actor, serverId) {
      await consoles.access(actor, serverId, 'console:read')
      const { feed, history } = await consoles.archive(serverId)
      const end = feed.head()
      return (async function* () {
        for (let at = (await store.start(serverId)) ?? 0; at < end;) {
          const pieces = await history.read(at, end)
          for (const piece of pieces) {
            const wanted = dropAfter(piece, end)
            if (wanted.kind !== 'GAP') yield wanted.bytes
            at = wanted.to
          }
          if (pieces.length === 0) return
        }
      })()
    },
  }
}
