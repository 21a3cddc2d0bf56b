import { existsSync, readdirSync, realpathSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '../../..')

/** Folders of a store of packages that a `node_modules` folder leads to, with all that they lead to. */
function reach(modules: string, found: Set<string>, isWanted: (name: string) => boolean = () => true): void {
  if (!existsSync(modules)) return
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  )
  for (const name of names.filter((each) => !each.startsWith('.') && isWanted(each))) {
    const place = realpathSync(path.join(modules, name))
    const folder = /^.*\/\.pnpm\/[^/]+/.exec(place)?.[0]
    if (folder === undefined || found.has(folder)) continue
    found.add(folder)
    reach(path.join(folder, 'node_modules'), found)
  }
}

/**
 * Arguments of `tar` that write this checkout with its installed packages to standard output: all sources and generated
 * files, and of the packages those that an agent and its installer run with.
 */
export function productArchive(): string[] {
  const packages = new Set<string>()
  const isTool = (name: string) => ['vitest'].includes(name) || name.startsWith('@types/')
  reach(path.join(ROOT, 'agent', 'node_modules'), packages, (name) => !isTool(name))
  reach(path.join(ROOT, 'node_modules'), packages, (name) => name === 'zod' || name.startsWith('node-linux-'))
  const sources = readdirSync(ROOT).filter((name) => !['node_modules', '.git'].includes(name))
  const own = [
    'node_modules/.bin/node',
    'node_modules/zod',
    'node_modules/.installed',
    'node_modules/.cache/catalyst',
    'agent/node_modules',
  ]
  const stored = [...packages].map((folder) => path.relative(ROOT, folder))
  // Excluding holds for what follows it: the packages come first.
  return ['-C', ROOT, '-cf', '-', ...own, ...stored, '--exclude=node_modules', '--exclude=dist', '--exclude=artefacts', ...sources]
}
