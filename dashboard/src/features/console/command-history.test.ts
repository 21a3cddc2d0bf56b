import { describe, expect, it } from 'vitest'
import { createCommandHistory } from './command-history.ts'

describe('createCommandHistory', () => {
  it('walks back and forth and keeps the draft', () => {
    const history = createCommandHistory()
    history.add('list')
    history.add('say hi')
    expect(history.older('sto')).toBe('say hi')
    expect(history.older('say hi')).toBe('list')
    expect(history.older('list')).toBeNull()
    expect(history.newer()).toBe('say hi')
    expect(history.newer()).toBe('sto')
    expect(history.newer()).toBeNull()
  })

  it('keeps a repeated command once', () => {
    const history = createCommandHistory()
    history.add('list')
    history.add('list')
    expect(history.older('')).toBe('list')
    expect(history.older('')).toBeNull()
  })
})
