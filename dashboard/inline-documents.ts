import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Plugin } from 'vite'

const CALL = /\bgraphql\(\s*(?:\/\*[^*]*\*\/\s*)?`\s*(query|mutation|subscription|fragment)\s+(\w+)[^`]*`,?\s*\)/g
const GENERATED = path.resolve(import.meta.dirname, 'src/gql/graphql.ts')

const MODULE = 'virtual:document/'

/**
 * Replaces each `graphql(…)` with the generated document itself, a module of its own. Without it every page carries every
 * query, and its text, by which the generated function looks its document up.
 */
export function inlineDocuments(): Plugin {
  return {
    name: 'inline-documents',
    apply: 'build',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(MODULE) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${MODULE}`)) return null
      const name = id.slice(MODULE.length + 1)
      const start = `export const ${name} = `
      const line = readFileSync(GENERATED, 'utf8')
        .split('\n')
        .find((candidate) => candidate.startsWith(start))
      if (line === undefined) throw new Error(`${name} is not generated: run npm run codegen`)
      return `export default ${line.slice(start.length, line.lastIndexOf(' as unknown as '))}`
    },
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
      const line = [...names].map((name) => `import ${name} from '${MODULE}${name}'\n`).join('')
      return { code: file.endsWith('.vue') ? replaced.replace(/(<script setup[^>]*>\n)/, `$1${line}`) : `${line}${replaced}`, map: null }
    },
  }
}
