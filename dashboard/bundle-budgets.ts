import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

type Chunk = { fileName: string; imports: string[]; code: string; isEntry: boolean; name: string; css: string[] }

/** Sizes in kB of what a first visit loads, gzipped. The design's budgets. */
const BUDGETS = { servers: 200, consoleExtra: 110, route: 25, css: 25 }

const kilobytes = (text: string | Uint8Array) => gzipSync(text).length / 1000

/** Prints what each route loads, gzipped, and warns when a budget is passed. */
export function reportBudgets(): Plugin {
  return {
    name: 'report-budgets',
    apply: 'build',
    generateBundle(_options, bundle) {
      const chunks = new Map<string, Chunk>()
      const styles = new Map<string, number>()
      for (const [fileName, file] of Object.entries(bundle)) {
        if (file.type === 'chunk')
          chunks.set(fileName, {
            fileName,
            imports: file.imports,
            code: file.code,
            isEntry: file.isEntry,
            name: file.name,
            css: [...(file.viteMetadata?.importedCss ?? [])],
          })
        else if (fileName.endsWith('.css')) styles.set(fileName, kilobytes(file.source))
      }
      const reach = (start: Chunk | undefined, seen = new Set<string>()): Set<string> => {
        if (start === undefined || seen.has(start.fileName)) return seen
        seen.add(start.fileName)
        for (const name of start.imports) reach(chunks.get(name), seen)
        return seen
      }
      const size = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + kilobytes(chunks.get(name)?.code ?? ''), 0)
      const named = (name: string) => [...chunks.values()].find((chunk) => chunk.name === name)
      const first = reach(named('ServersPage'), reach([...chunks.values()].find((chunk) => chunk.isEntry)))
      const lines = [
        { what: 'first load of /servers', is: size(first), budget: BUDGETS.servers },
        {
          what: 'console page, more than that',
          is: size(reach(named('ServerConsolePage'), reach(named('ServerPage'))).difference(first)),
          budget: BUDGETS.consoleExtra,
        },
        {
          what: 'css, first load',
          is: [...new Set([...first].flatMap((name) => chunks.get(name)?.css ?? []))].reduce(
            (sum, name) => sum + (styles.get(name) ?? 0),
            0,
          ),
          budget: BUDGETS.css,
        },
      ]
      for (const { name, code } of chunks.values()) {
        if (name.endsWith('Page') && name !== 'ServersPage' && name !== 'ServerConsolePage')
          lines.push({ what: `own code of ${name}`, is: kilobytes(code), budget: BUDGETS.route })
      }
      for (const { what, is, budget } of lines) this.info(`${what}: ${is.toFixed(1)} kB of ${budget} kB gzipped`)
      for (const { what, is, budget } of lines) if (is > budget) this.warn(`${what} is over its budget`)
      // Read by the end-to-end tests, which fail on what is over. A user's build does not.
      this.emitFile({ type: 'asset', fileName: '.vite/budgets.json', source: JSON.stringify(lines) })
    },
  }
}
