import { describe, expect, it } from 'vitest'
import { parseIndexTargets } from './debian-sources.ts'
import { percentOf } from './debian-image.ts'
import { referenceOf } from './image-store.ts'

const row = (...fields: string[]) => fields.join('\t')

describe('parseIndexTargets', () => {
  it('takes Debian alone, security and updates too, each once', () => {
    const output = [
      row('http://debian.example/debian/', 'bookworm-updates', 'bookworm-updates', 'main', 'Debian'),
      row('http://debian.example/debian/', 'bookworm', 'bookworm', 'main', 'Debian'),
      row('http://debian.example/debian/', 'bookworm', 'bookworm', 'main', 'Debian'),
      row('http://vendor.example/apt/', 'stable', 'stable', 'main', 'Vendor'),
      '',
    ].join('\n')
    const sources = parseIndexTargets(output)
    expect(sources?.suite).toBe('bookworm')
    expect(sources?.lines).toHaveLength(2)
    expect(sources?.lines.join()).not.toContain('vendor')
  })

  it('has nothing to say about a machine without lists', () => {
    expect(parseIndexTargets('')).toBeNull()
  })
})

describe('percentOf', () => {
  it('grows with the work', () => {
    expect(
      ['I: running apt-get update...', 'I: downloading packages with apt...', 'I: extracting archives...', 'I: success in 3 seconds'].map(
        percentOf,
      ),
    ).toEqual([5, 20, 60, 75])
    expect(percentOf('anything else')).toBeNull()
  })
})

describe('referenceOf', () => {
  it('depends on what is asked for, not on its order', () => {
    const one = referenceOf({ packages: ['a', 'b'], remove: ['/x', '/y'], keep: [] })
    expect(referenceOf({ packages: ['b', 'a'], remove: ['/y', '/x'], keep: [] })).toBe(one)
    expect(referenceOf({ packages: ['a'], remove: ['/x', '/y'], keep: ['b'] })).not.toBe(one)
  })
})
