import { spawnSync } from 'node:child_process'
import { StepError } from './progress.ts'

/** Debian packages that a local node needs. */
export const NODE_PACKAGES = ['containerd', 'runc', 'tini', 'mmdebstrap', 'iptables', 'conntrack', 'iproute2'] as const

/** Those of `packages` that are not installed; all of them where there is no dpkg. */
export function missingPackages(packages: readonly string[]): string[] {
  return packages.filter((name) => {
    const result = spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' })
    return result.status !== 0 || !result.stdout.includes('ok installed')
  })
}

/** The one command that installs `packages` by hand. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

/**
 * Installs Debian packages; needs root. Services are not started by it: policy-rc.d style hooks are left alone, and a
 * containerd that the package starts is simply used.
 * @throws StepError with what apt said and the command to repeat it by hand
 */
export function installPackages(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: string[]) => spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], { encoding: 'utf8', env })
  // A list that is too old makes the first try fail; then it is fetched.
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages)
  let result = install()
  if (result.status !== 0) {
    apt('update')
    result = install()
  }
  if (result.status === 0) return
  const said = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-5).join('\n')
  throw new StepError(`apt could not install ${packages.join(', ')}:\n${said}`, `Run as root: ${installCommand(packages)}`)
}
