import { accessSync, constants, existsSync } from 'node:fs'
import { freemem } from 'node:os'
import path from 'node:path'

/** What runs a guest: a kernel as a process of this one, or a virtual machine where the processor can. */
export type Engine = 'uml' | 'kvm'

/** Memory that a guest may come to use; its kernel takes it as it needs it. */
export const GUEST_MEMORY_MIB = 1536
const PROGRAMS = ['mmdebstrap', 'mke2fs', 'depmod', 'ssh', 'ssh-keygen', 'slirp4netns', 'ip']

function isInstalled(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/sbin', '/usr/bin')
  return folders.some((folder) => existsSync(path.join(folder, program)))
}

/** /dev/kvm alone says nothing: some machines offer one that only kernels made for it can use. */
function hasKvm(): boolean {
  if (!existsSync('/sys/module/kvm_intel') && !existsSync('/sys/module/kvm_amd')) return false
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK)
    return isInstalled('qemu-system-x86_64') && isInstalled('qemu-img')
  } catch {
    return false
  }
}

export const chooseEngine = (): Engine => (hasKvm() ? 'kvm' : 'uml')

/** Why no guest can run here; null when one can. Tests are skipped with these words. */
export function whyNoGuest(): string | null {
  if (process.getuid?.() !== 0) return 'a guest needs root'
  if (process.arch !== 'x64') return `there is no guest for ${process.arch}`
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun'
  if (freemem() < 2 * GUEST_MEMORY_MIB * 2 ** 20) return `less than ${String(2 * GUEST_MEMORY_MIB)} MiB of memory are free`
  const missing = [...PROGRAMS, ...(chooseEngine() === 'uml' ? ['linux.uml'] : [])].filter((program) => !isInstalled(program))
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`
}
