import type { Progress } from '../start/progress.ts'
import { installCommand, installPackages, missingPackages } from '../start/system-packages.ts'

/** Debian packages of the fault tests, besides those of a node. */
export const FAULT_PACKAGES = ['faketime'] as const

/** Programs that build and boot a guest; where the processor can run virtual machines, qemu is used if it is there. */
export const GUEST_PACKAGES = ['user-mode-linux', 'mmdebstrap', 'e2fsprogs', 'kmod', 'openssh-client', 'slirp4netns', 'iproute2'] as const

/** Installs those of `packages` that are missing, or says how and exits when this is not root. */
export async function ensurePackages({ say, step }: Progress, packages: readonly string[]): Promise<void> {
  const missing = missingPackages(packages)
  if (missing.length === 0) return
  if (process.getuid?.() !== 0) {
    say(`The tests need system packages. Run as root: ${installCommand(missing)}`)
    process.exit(1)
  }
  await step(`Installing ${missing.join(', ')}`, async () => {
    installPackages(missing)
  })
}
