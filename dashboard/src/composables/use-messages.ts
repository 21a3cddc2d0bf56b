import { shallowReactive, type InjectionKey } from 'vue'
import type { Announcer } from './use-announcer.ts'
import { injectStrict } from './inject-strict.ts'

export type Message = { id: number; kind: 'danger' | 'warning' | 'done'; title: string; text: string }

const VISIBLE = 4

/** Short messages in the corner: what failed. What is visible anyway needs none. */
export function createMessages(announcer: Announcer) {
  const messages = shallowReactive<Message[]>([])
  let next = 1
  return {
    messages,
    show(kind: Message['kind'], title: string, text = '') {
      messages.push({ id: next++, kind, title, text })
      if (messages.length > VISIBLE) messages.shift()
      if (kind === 'danger') announcer.alarm(`${title} ${text}`)
      else announcer.announce(`${title} ${text}`)
    },
    dismiss(id: number) {
      const index = messages.findIndex((message) => message.id === id)
      if (index >= 0) messages.splice(index, 1)
    },
  }
}

export type Messages = ReturnType<typeof createMessages>
export const messagesKey: InjectionKey<Messages> = Symbol('messages')
export const useMessages = () => injectStrict(messagesKey)
