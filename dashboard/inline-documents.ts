import path from 'node:path'
import type { Plugin } from 'vite'

const CALL = /\bgraphql\(\s*(?:\/\*[^*]*\*\/\s*)?`\s*(query|mutation|subscription|fragment)\s+(\w+)[^`]*`,?\s*\)/g
const GENERATED = path.resolve(import.meta.dirname, 'src/gql/graphql.ts')

/**
 * Replaces each `graphql(…)` with the generated document itself. Without it every page carries the text of every query, by
 * which the generated function looks its document up.
 */
export function inlineDocuments(): Plugin {
  return {
    name: 'inline-documents',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      const file = id.split('?')[0] ?? id
      if (!/\.(ts|vue)$/.test(file) || file.includes('node_modules') || file.includes('/gql/')) return null
      const names = new Set<string>()
      const replaced = code.replaceAll(CALL, (_call, kind: string, name: string) => {
        const document = `${name}${kind === 'fragment' ? 'FragmentDoc' : 'Document'}`
        names.add(document)
        return document
      })
      if (names.size === 0) return null
      const line = `import { ${[...names].join(', ')} } from ${JSON.stringify(GENERATED)}\n`
      return { code: file.endsWith('.vue') ? replaced.replace(/(<script setup[^>]*>\n)/, `$1${line}`) : `${line}${replaced}`, map: null }
    },
  }
}
