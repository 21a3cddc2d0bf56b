import { ApolloClient, ApolloLink, InMemoryCache, Observable } from '@apollo/client/core'
import { DefaultApolloClient } from '@vue/apollo-composable'
import { afterEach, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { show } from '../../test-app.ts'
import { createCommandHistory } from './command-history.ts'
import ConsoleCommandLine from './ConsoleCommandLine.vue'

let shown: Awaited<ReturnType<typeof show>>
afterEach(() => {
  shown.end()
})

let posted: unknown[] = []

/** A line that knows these commands, newest first. */
const line = (...sent: { text: string; isPrivate: boolean }[]) => lineOf(false, sent)

async function lineOf(isTerminal: boolean, sent: { text: string; isPrivate: boolean }[] = []) {
  const commands = { ...createCommandHistory(), refresh: () => Promise.resolve(), outdate: () => undefined }
  commands.replace(sent)
  posted = []
  const link = new ApolloLink(({ variables }) => {
    posted.push((variables['input'] as { command: string }).command)
    return Observable.of({ data: { sendConsoleCommand: { __typename: 'SendConsoleCommandSuccess' } } })
  })
  const client = new ApolloClient({ cache: new InMemoryCache(), link })
  shown = await show(ConsoleCommandLine, { serverId: 's', obstacle: null, isTerminal, commands }, [[DefaultApolloClient, client]])
  const input = shown.root.querySelector('input')
  if (input === null) throw new Error('no line')
  return {
    input,
    value: () => input.value,
    isPrivate: () => shown.root.querySelector('[aria-pressed]')?.getAttribute('aria-pressed') === 'true',
    type(text: string) {
      input.value = text
      input.dispatchEvent(new Event('input'))
    },
    /** Tells whether the line kept the key for itself. */
    async press(key: string, more: KeyboardEventInit = {}) {
      const event = new KeyboardEvent('keydown', { key, cancelable: true, ...more })
      input.dispatchEvent(event)
      await nextTick()
      return event.defaultPrevented
    },
  }
}

it('completes with Tab, and lets the focus move on when nothing is left to complete', async () => {
  const { type, press, value } = await line({ text: 'say hi', isPrivate: false }, { text: 'save-all', isPrivate: false })
  expect(await press('Tab')).toBe(false)
  type('sa')
  expect(await press('Tab')).toBe(true)
  expect(value()).toBe('say hi')
  expect(await press('Tab', { shiftKey: true })).toBe(false)
  expect(await press('Tab')).toBe(true)
  expect(value()).toBe('save-all')
  expect(await press('Tab')).toBe(false)
  expect(value()).toBe('save-all')
})

it('gives back what was typed with Escape, and Tab its way out', async () => {
  const { type, press, value } = await line({ text: 'say hi', isPrivate: false })
  type('sa')
  await press('Tab')
  await press('Escape')
  expect(value()).toBe('sa')
  expect(await press('Tab')).toBe(false)
})

it('keeps private what was private, whichever key brought it back', async () => {
  const completed = await line({ text: 'password x', isPrivate: true })
  completed.type('pass')
  await completed.press('Tab')
  expect(completed.isPrivate()).toBe(true)
  shown.end()
  const walked = await line({ text: 'password x', isPrivate: true })
  // Keys belong to what composes characters while it does.
  expect(await walked.press('ArrowUp', { isComposing: true })).toBe(false)
  expect(await walked.press('ArrowUp')).toBe(true)
  expect(walked.isPrivate()).toBe(true)
})

it('sends control characters to a terminal at once, and leaves the keys that edit', async () => {
  const { input, type, press } = await lineOf(true)
  expect(input.placeholder).toContain('Ctrl+C')
  for (const key of ['c', 'd', '\\']) expect(await press(key, { ctrlKey: true })).toBe(true)
  expect(await press('Escape')).toBe(true)
  expect(posted).toEqual(['\u0003', '\u0004', '\u001c', '\u001b'])
  for (const key of ['v', 'a', 'j', 'm', 'r', 'f']) expect(await press(key, { ctrlKey: true })).toBe(false)
  expect(await press('c')).toBe(false)
  type('text')
  input.select()
  expect(await press('c', { ctrlKey: true })).toBe(false)
  expect(await press('Escape')).toBe(false)
  expect(posted).toHaveLength(4)
})

it('sends no control characters to other games', async () => {
  const { press } = await line()
  expect(await press('c', { ctrlKey: true })).toBe(false)
  expect(await press('Escape')).toBe(false)
  expect(posted).toEqual([])
})
