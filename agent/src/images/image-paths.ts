import { readdir, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'

/** Paths of an image that a template leaves out; `keep` wins over `remove`, a trailing `*` matches any ending. */
export type PathRules = { remove: readonly string[]; keep: readonly string[] }

const matches = (rule: string, file: string) =>
  rule.endsWith('*') ? file.startsWith(rule.slice(0, -1)) : file === rule || file.startsWith(`${rule}/`)

/** True when the file at this absolute path of the image is left out. */
export function isLeftOut(rules: PathRules, file: string): boolean {
  return rules.remove.some((rule) => matches(rule, file)) && !rules.keep.some((rule) => matches(rule, file))
}

/** Deletes from the unpacked tree what the rules leave out, and folders that became empty by it. Links are not followed. */
export async function leaveOut(tree: string, rules: PathRules, folder = '/'): Promise<void> {
  if (rules.remove.length === 0) return
  for (const entry of await readdir(path.join(tree, folder), { withFileTypes: true })) {
    const inside = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) {
      await leaveOut(tree, rules, inside)
      if (isLeftOut(rules, inside)) await rmdir(path.join(tree, inside)).catch(() => undefined)
    } else if (isLeftOut(rules, inside)) {
      await rm(path.join(tree, inside))
    }
  }
}
