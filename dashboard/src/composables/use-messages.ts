import { shallowReactive, type InjectionKey } from 'vue'
import type { Announcer } from './use-announcer.ts'
import { injectStrict } from './inject-strict.ts'

export type MessageAction = { label: string; run(): void }
export type Message = { id: number; kind: 'danger' | 'warning' | 'done'; title: string; text: string; action: MessageAction | null }

const VISIBLE = 4
/** What went well leaves by itself. */
const DONE_MS = 8000

/** Short messages in the corner: what failed, and the outcome of long work. What is visible anyway needs none. */
export function createMessages(announcer: Announcer) {
  const messages = shallowReactive<Message[]>([])
  let next = 1
  const dismiss = (id: number) => {
    const index = messages.findIndex((message) => message.id === id)
    if (index >= 0) messages.splice(index, 1)
  }
  return {
    messages,
    /** Returns its id, to dismiss it by. */
    show(kind: Message['kind'], title: string, text = '', action: MessageAction | null = null): number {
      const id = next++
      messages.push({ id, kind, title, text, action })
      if (messages.length > VISIBLE) messages.shift()
      if (kind === 'done' && action === null) setTimeout(dismiss, DONE_MS, id)
      if (kind === 'danger') announcer.alarm(`${title} ${text}`)
      else announcer.announce(`${title} ${text}`)
      return id
    },
    dismiss,
  }
}

export type Messages = ReturnType<typeof createMessages>
export const messagesKey: InjectionKey<Messages> = Symbol('messages')
export const useMessages = () => injectStrict(messagesKey)
