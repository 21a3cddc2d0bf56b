import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The node's own Debian sources, as lines that mmdebstrap reads, and the release they are of. */
export type DebianSources = { lines: string[]; suite: string }

/** Picks Debian's own archives out of `apt-get indextargets`; others, such as vendors' ones, are not needed to build games. */
export function parseIndexTargets(output: string): DebianSources | null {
  const lines = new Set<string>()
  let suite = ''
  for (const row of output.split('\n')) {
    const [uri, release, codename, component, origin] = row.split('\t')
    if (origin !== 'Debian' || uri === undefined || release === undefined || codename === undefined || component === undefined) continue
    const name = release.startsWith('$(') ? codename : release
    lines.add(`deb [signed-by=${KEYRING}] ${uri} ${name} ${component}`)
    if (suite === '' || codename.length < suite.length) suite = codename
  }
  return lines.size === 0 ? null : { lines: [...lines].sort(), suite }
}

const FORMAT = ['$(REPO_URI)', '$(RELEASE)', '$(CODENAME)', '$(COMPONENT)', '$(ORIGIN)'].join('\t')

/** @throws when this machine has no Debian sources */
export async function readDebianSources(): Promise<DebianSources> {
  const ask = async () => parseIndexTargets((await run('apt-get', ['indextargets', '--format', FORMAT, 'Created-By: Packages'])).stdout)
  const known = await ask()
  if (known !== null) return known
  // A fresh machine has never fetched its lists.
  await run('apt-get', ['update', '-q'])
  const fetched = await ask()
  if (fetched === null) throw new Error('This node has no Debian package sources: check /etc/apt, then run apt-get update.')
  return fetched
}
