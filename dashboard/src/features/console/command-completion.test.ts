import { describe, expect, it } from 'vitest'
import { createCommandCompletion } from './command-completion.ts'

const command = (text: string, isPrivate = false) => ({ text, isPrivate })
const SENT = [
  command('save-all flush'),
  command('say hi'),
  command('stop'),
  command('say hi'),
  command('say password', true),
  command('sa'),
]
const completion = () => createCommandCompletion(() => SENT)

describe('createCommandCompletion', () => {
  it('goes from the newest to the oldest that begins like the line, each once, and then lets go', () => {
    const { next } = completion()
    expect(next('sa')).toEqual(command('save-all flush'))
    expect(next('save-all flush')).toEqual(command('say hi'))
    expect(next('say hi')).toEqual(command('say password', true))
    expect(next('say password')).toBeNull()
    expect(next('say password')).toBeNull()
  })

  it('completes nothing in an empty line, nor what nobody has sent', () => {
    const { next } = completion()
    expect(next('')).toBeNull()
    expect(next('kick')).toBeNull()
    expect(next('stop')).toBeNull()
  })

  it('begins anew when something else is typed', () => {
    const { next } = completion()
    expect(next('sa')?.text).toBe('save-all flush')
    expect(next('say')?.text).toBe('say hi')
    expect(next('say p')?.text).toBe('say password')
  })

  it('gives back what was typed, and rests until something else is', () => {
    const { next, giveUp } = completion()
    next('sa')
    expect(giveUp('save-all flush')).toBe('sa')
    expect(next('sa')).toBeNull()
    expect(next('say')?.text).toBe('say hi')
    expect(giveUp('sto')).toBe('sto')
    expect(next('sto')).toBeNull()
  })
})
