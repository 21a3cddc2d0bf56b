import { ApolloClient, ApolloLink, InMemoryCache } from '@apollo/client/core'
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

/** A line that knows these commands, newest first. */
async function line(...sent: { text: string; isPrivate: boolean }[]) {
  const commands = { ...createCommandHistory(), refresh: () => Promise.resolve(), outdate: () => undefined }
  commands.replace(sent)
  const client = new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.empty() })
  shown = await show(ConsoleCommandLine, { serverId: 's', obstacle: null, commands }, [[DefaultApolloClient, client]])
  const input = shown.root.querySelector('input')
  if (input === null) throw new Error('no line')
  return {
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
