import { describe, expect, it } from 'vitest'
import { createCommandHistory } from './command-history.ts'

const command = (text: string, isPrivate = false) => ({ text, isPrivate })

describe('createCommandHistory', () => {
  it('walks back and forth and keeps the draft', () => {
    const history = createCommandHistory()
    history.add(command('list'))
    history.add(command('password x', true))
    expect(history.older('sto')).toEqual(command('password x', true))
    expect(history.older('password x')?.text).toBe('list')
    expect(history.older('list')).toBeNull()
    expect(history.newer()?.text).toBe('password x')
    expect(history.newer()).toEqual(command('sto'))
    expect(history.newer()).toBeNull()
  })

  it('keeps a repeated command once', () => {
    const history = createCommandHistory()
    history.add(command('list'))
    history.add(command('list'))
    expect(history.older('')?.text).toBe('list')
    expect(history.older('')).toBeNull()
  })

  it('takes what others typed, and moves nothing while the keys are among the old ones', () => {
    const history = createCommandHistory()
    history.replace([command('b'), command('a'), command('a')])
    expect(history.older('draft')?.text).toBe('b')
    history.replace([command('c'), command('b'), command('a')])
    expect(history.newestFirst().map(({ text }) => text)).toEqual(['c', 'b', 'a'])
    expect(history.older('b')?.text).toBe('a')
    expect(history.newer()?.text).toBe('b')
    expect(history.newer()?.text).toBe('draft')
    expect(history.older('draft')?.text).toBe('c')
  })
})
