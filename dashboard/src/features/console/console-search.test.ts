import { expect, it } from 'vitest'
import { createConsoleSearch, type MatchPage } from './console-search.ts'

const match = (position: number) => ({ position, at: '2026-01-01T00:00:00Z', text: `line ${String(position)}` })
const query = { text: 'line', isPattern: false, matchCase: false }

it('goes on by itself until it finds something, and then as it is asked to', async () => {
  const asked: (number | null)[] = []
  const pages: MatchPage[] = [
    { matches: [], next: 900 },
    { matches: [match(800)], next: 800 },
    { matches: [match(10)], next: null },
  ]
  const search = createConsoleSearch((_query, before) => {
    asked.push(before)
    return Promise.resolve(pages.shift() ?? { matches: [], next: null })
  })
  await search.start(query)
  expect(search.state).toMatchObject({ isBusy: false, hasMore: true, matches: [match(800)] })
  await search.more()
  expect(search.state).toMatchObject({ hasMore: false, matches: [match(800), match(10)] })
  await search.more()
  expect(asked).toEqual([null, 900, 800])
})

it('forgets the answers to what is not searched for any more', async () => {
  const answers: ((page: MatchPage) => void)[] = []
  const search = createConsoleSearch(() => new Promise((resolve) => answers.push(resolve)))
  const first = search.start(query)
  const second = search.start({ text: 'other', isPattern: true, matchCase: false })
  answers[0]!({ matches: [match(1)], next: null })
  answers[1]!({ matches: [match(2)], next: 2 })
  await Promise.all([first, second])
  expect(search.state.matches).toEqual([match(2)])
  const third = search.more()
  search.cancel()
  answers[2]!({ matches: [match(1)], next: null })
  await third
  expect(search.state).toMatchObject({ isBusy: false, hasMore: true, matches: [match(2)] })
})

it('keeps what was found when a search fails, and can go on', async () => {
  let fails = false
  const search = createConsoleSearch(() => (fails ? Promise.reject(new Error('away')) : Promise.resolve({ matches: [match(5)], next: 5 })))
  await search.start(query)
  fails = true
  await search.more()
  expect(search.state).toMatchObject({ isBusy: false, hasMore: true, matches: [match(5)], failure: expect.any(Error) as Error })
})
