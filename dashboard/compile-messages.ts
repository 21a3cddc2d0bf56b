import { baseCompile } from '@intlify/message-compiler'
import type { Plugin } from 'vite'

type Messages = { [key: string]: string | Messages }

/** The same tree with every text parsed, in the form that vue-i18n reads without its compiler. */
export function compileMessages(messages: Messages): object {
  return Object.fromEntries(
    Object.entries(messages).map(([key, message]) => [
      key,
      typeof message === 'string' ? baseCompile(message, { jit: true, minify: true, location: false }).ast : compileMessages(message),
    ]),
  )
}

/** Parses the texts of `locales/` when building, so that the compiler of messages stays out of the bundle. */
export function precompiledMessages(): Plugin {
  return {
    name: 'precompiled-messages',
    apply: 'build',
    enforce: 'pre',
    config: () => ({ define: { __INTLIFY_DROP_MESSAGE_COMPILER__: 'true' } }),
    transform(code, id) {
      if (!/\/src\/locales\/(pages\/)?\w+\.json$/.test(id)) return null
      return { code: JSON.stringify(compileMessages(JSON.parse(code) as Messages)), map: null }
    },
  }
}
