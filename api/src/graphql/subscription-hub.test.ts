import { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString, parse, type ExecutionArgs } from 'graphql'
import { beforeEach, describe, expect, it } from 'vitest'
import { LiveStream, type LiveListener } from '../lib/live-stream.ts'
import type { Context } from './context.ts'
import type { Outlet } from './outlet.ts'
import { createSubscriptionHub, type SubscriptionHub } from './subscription-hub.ts'

type Letters = { from: number; to: number; text: string }

const MIB = 2 ** 20
const letters = (from: number, text: string): Letters => ({ from, to: from + text.length, text })

/** A stream of letters that remembers all of them. */
function createAlphabet() {
  const listeners = new Set<LiveListener<Letters>>()
  let all = ''
  const stream = (start: number) =>
    new LiveStream<Letters>({
      topic: 'letters',
      start,
      follow: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      end: () => all.length,
      read: async (position) => (position < all.length ? [letters(position, all.slice(position))] : []),
      skip: async (position) => ({ from: position, to: all.length - 1, text: 'SKIPPED' }),
    })
  return {
    stream,
    listeners,
    say(text: string) {
      const event = letters(all.length, text)
      all += text
      for (const listener of listeners) listener.events([event])
    },
    end() {
      for (const listener of [...listeners]) listener.ended()
    },
  }
}

let alphabet: ReturnType<typeof createAlphabet>
let hub: SubscriptionHub
let executions: number
let skipped: number

beforeEach(() => {
  alphabet = createAlphabet()
  hub = createSubscriptionHub((bytes) => (skipped += bytes))
  executions = 0
  skipped = 0
})

const event = new GraphQLObjectType<Letters>({
  name: 'Letters',
  fields: {
    from: { type: GraphQLInt },
    to: { type: GraphQLInt },
    text: {
      type: GraphQLString,
      resolve: ({ text }) => {
        executions += 1
        if (text === 'bad') throw new Error('cannot be read')
        return text
      },
    },
  },
})
const args = { after: { type: GraphQLInt }, mark: { type: GraphQLString } }
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLInt } } }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      letters: {
        type: event,
        args,
        extensions: { isLive: true },
        subscribe: (_root, { after }: { after?: number }) => {
          if (after === -1) throw new Error('refused')
          return alphabet.stream(after ?? 0)
        },
        resolve: (root: Letters) => root,
      },
      other: { type: event },
    },
  }),
})

/** A client that remembers what it was sent; `held` is what it has not read. */
function createClient() {
  const sent: Letters[] = []
  const client = { held: 0, drain: () => undefined as void, texts: () => sent.map(({ text }) => text), sent }
  const outlet: Outlet = {
    send: (body) => {
      sent.push((JSON.parse(body.toString().slice(0, -1)) as { data: { letters: Letters } }).data.letters)
    },
    waitingBytes: () => client.held,
    drained: async () => {
      if (client.held === 0) return
      await new Promise<void>((resolve) => {
        client.drain = () => {
          client.held = 0
          resolve()
        }
      })
    },
  }
  return { client, outlet }
}

const DOCUMENT = 'subscription ($after: Int, $mark: String) { letters(after: $after, mark: $mark) { from to text } }'

async function subscribe(options: { document?: string; variables?: Record<string, unknown>; scopeKey?: string } = {}) {
  const { client, outlet } = createClient()
  const context = { outlet, actor: { scopeKey: options.scopeKey ?? 'all' } } as Context
  const execution: ExecutionArgs = {
    schema,
    document: parse(options.document ?? DOCUMENT),
    variableValues: options.variables ?? {},
    contextValue: context,
  }
  expect(hub.shares(execution)).toBe(true)
  const results = await hub.subscribe(execution)
  if (!('next' in results)) throw results.errors?.[0] ?? new Error('no stream')
  const ended = results.next()
  ended.catch(() => undefined)
  await settle()
  return { ...client, client, results, ended }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('subscription hub', () => {
  it('executes an event once for all who asked the same, wherever they began', async () => {
    alphabet.say('abc')
    const viewers = [await subscribe(), await subscribe({ variables: { after: 2 } }), await subscribe({ variables: { after: 3 } })]
    executions = 0
    alphabet.say('de')
    alphabet.say('f')
    await settle()
    expect(executions).toBe(2)
    expect(hub.stats()).toEqual({ groups: 1, members: 3 })
    expect(viewers.map(({ texts }) => texts())).toEqual([
      ['abc', 'de', 'f'],
      ['c', 'de', 'f'],
      ['de', 'f'],
    ])
  })

  it('takes a start from the document and from a fragment too', async () => {
    alphabet.say('abc')
    await subscribe({ document: 'subscription { letters(after: 1) { text } }' })
    await subscribe({ document: 'subscription { letters(after: 2) { text } }' })
    expect(hub.stats()).toEqual({ groups: 1, members: 2 })
    const inFragment = await subscribe({
      document: 'subscription { ...F } fragment F on Subscription { letters(after: 2) { from to text } }',
    })
    expect(inFragment.texts()).toEqual(['c'])
  })

  it('shares nothing between other documents, other variables and other rights', async () => {
    await subscribe()
    await subscribe({ document: 'subscription { letters { text } }' })
    await subscribe({ variables: { mark: 'x' } })
    await subscribe({ scopeKey: 'own' })
    expect(hub.stats()).toEqual({ groups: 4, members: 4 })
  })

  it('tells defaults apart, but not those of starts', async () => {
    const withDefaults = (after: number, hasText: boolean) =>
      `subscription ($after: Int = ${String(after)}, $hasText: Boolean = ${String(hasText)}) {
        letters(after: $after) { from to text @include(if: $hasText) } }`
    await subscribe({ document: withDefaults(0, true) })
    await subscribe({ document: withDefaults(1, true) })
    expect(hub.stats()).toEqual({ groups: 1, members: 2 })
    const without = await subscribe({ document: withDefaults(0, false) })
    alphabet.say('abc')
    await settle()
    expect(without.sent).toEqual([{ from: 0, to: 3 }])
  })

  it('does not take other subscriptions', () => {
    expect(hub.shares({ schema, document: parse('subscription { other { text } }') })).toBe(false)
    expect(hub.shares({ schema, document: parse('{ a }') })).toBe(false)
  })

  it('waits for a position that is not reached, and begins inside an event', async () => {
    const viewer = await subscribe({ variables: { after: 5 } })
    alphabet.say('abc')
    alphabet.say('defgh')
    await settle()
    expect(viewer.sent).toEqual([{ from: 5, to: 8, text: 'fgh' }])
  })

  it('leaves one alone who does not read, and lets him catch up from history', async () => {
    const slow = await subscribe()
    const quick = await subscribe()
    slow.client.held = 9 * MIB
    for (const letter of 'abcdef') alphabet.say(letter)
    await settle()
    expect(quick.texts()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(slow.texts()).toEqual([])
    slow.client.drain()
    await settle()
    alphabet.say('g')
    await settle()
    expect(slow.texts()).toEqual(['abcdef', 'g'])
  })

  it('tells one who missed too much where he goes on', async () => {
    const slow = await subscribe()
    slow.client.held = 9 * MIB
    alphabet.say('a')
    await settle()
    alphabet.say('x'.repeat(9 * MIB))
    await settle()
    slow.client.drain()
    await settle()
    expect(slow.sent).toEqual([
      { from: 0, to: 9 * MIB, text: 'SKIPPED' },
      { from: 9 * MIB, to: 9 * MIB + 1, text: 'x' },
    ])
    expect(skipped).toBe(9 * MIB)
  })

  it('refuses as the field does, and holds nothing', async () => {
    await expect(subscribe({ variables: { after: -1 } })).rejects.toThrow('refused')
    expect(hub.stats()).toEqual({ groups: 0, members: 0 })
  })

  it('leaves when its client does, also before it was pulled', async () => {
    const viewer = await subscribe()
    await viewer.results.return()
    expect(await viewer.ended).toEqual({ done: true, value: undefined })
    expect(hub.stats()).toEqual({ groups: 0, members: 0 })
    expect(alphabet.listeners.size).toBe(0)
    alphabet.say('a')
    await settle()
    expect(viewer.texts()).toEqual([])
  })

  it('ends with its stream, and with an event that cannot be told', async () => {
    const first = await subscribe()
    alphabet.end()
    expect(await first.ended).toEqual({ done: true, value: undefined })
    const second = await subscribe()
    alphabet.say('bad')
    await expect(second.ended).rejects.toThrow('cannot be read')
    expect(hub.stats()).toEqual({ groups: 0, members: 0 })
  })
})
