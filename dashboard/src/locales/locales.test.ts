import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileMessages } from '../../compile-messages.ts'
import { createDashboardI18n } from '../plugins/i18n.ts'
import firstDe from './de.json'
import firstEn from './en.json'
import pagesDe from './pages/de.json'
import pagesEn from './pages/en.json'

type Tree = { [key: string]: string | Tree }

const SOURCES = path.resolve(import.meta.dirname, '..')

function keysOf(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${prefix}${key}`] : keysOf(value, `${prefix}${key}.`),
  )
}
function textOf(tree: Tree, key: string): string {
  const found = key.split('.').reduce<string | Tree | undefined>((at, part) => (typeof at === 'object' ? at[part] : undefined), tree)
  return typeof found === 'string' ? found : ''
}
function unsorted(tree: Tree, prefix = ''): string[] {
  const keys = Object.keys(tree)
  const sorted = keys.toSorted()
  return [
    ...keys.filter((key, index) => key !== sorted[index]).map((key) => `${prefix}${key}`),
    ...Object.entries(tree).flatMap(([key, value]) => (typeof value === 'string' ? [] : unsorted(value, `${prefix}${key}.`))),
  ]
}

/** What `t` answers to every key, with one thing and with several. */
async function answers(messages: object): Promise<string[]> {
  const i18n = await createDashboardI18n('en')
  i18n.global.setLocaleMessage('en', messages as typeof firstEn)
  const values = { count: 2, n: 2, name: 'Arena', node: 'hel-1', size: '4 kB', time: '12:00' }
  return keys.flatMap((key) => [i18n.global.t(key, values, 1), i18n.global.t(key, values, 2)])
}

/** Both files of a language, as one tree. An area may stand in both; a key may not. */
function joined(first: Tree, pages: Tree): Tree {
  const both = { ...first }
  for (const [key, value] of Object.entries(pages)) {
    const there = both[key]
    both[key] = typeof there === 'object' && typeof value === 'object' ? joined(there, value) : value
  }
  return both
}

const en = joined(firstEn, pagesEn)
const de = joined(firstDe, pagesDe)
const keys = keysOf(en)
const source = globSync('**/*.{ts,vue}', { cwd: SOURCES })
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('gql'))
  .map((file) => readFileSync(path.join(SOURCES, file), 'utf8'))
  .join('\n')

/** Strings that look like keys: whole ones, and the fixed start of computed ones. */
const named = new Set([...source.matchAll(/['"]([a-z][A-Za-z]*(?:\.[A-Za-z_]+)+)['"]/g)].map(([, key]) => key ?? ''))
const computed = [...source.matchAll(/`([a-z][A-Za-z]*\.(?:[A-Za-z]+\.)*)\$\{/g)].map(([, prefix]) => prefix ?? '')

describe('locales', () => {
  it.each(Object.entries({ firstEn, firstDe, pagesEn, pagesDe }))('%s is sorted', (_language, tree) => {
    expect(unsorted(tree)).toEqual([])
  })

  it('has each text once', () => {
    expect(keysOf(firstEn).filter((key) => keysOf(pagesEn).includes(key))).toEqual([])
    expect(keysOf(firstDe)).toEqual(keysOf(firstEn))
  })

  it('has no key that nothing shows', () => {
    expect(keys.filter((key) => !named.has(key) && !computed.some((prefix) => key.startsWith(prefix)))).toEqual([])
  })

  it('has every key that is asked for', () => {
    const areas = new Set(keys.map((key) => key.split('.')[0]))
    const asked = [...source.matchAll(/\bt\(\s*'([^']+)'/g), ...source.matchAll(/keypath="([^"]+)"/g)].map(([, key]) => key ?? '')
    expect(asked.filter((key) => !keys.includes(key))).toEqual([])
    expect(computed.filter((prefix) => areas.has(prefix.split('.')[0]) && !keys.some((key) => key.startsWith(prefix)))).toEqual([])
  })

  it('German says all that English says, with the same places to fill', () => {
    expect(keysOf(de)).toEqual(keys)
    const places = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].toSorted()
    for (const key of keys) expect(places(textOf(de, key)), key).toEqual(places(textOf(en, key)))
  })

  it.each(Object.entries({ en, de }))('%s says the same when it is parsed beforehand', async (_language, tree) => {
    expect(await answers(compileMessages(tree))).toEqual(await answers(tree))
  })
})
