import { execFileSync } from 'node:child_process'
import type { Lab } from './lab.ts'

/** Process id of a server's game. @throws when it does not run */
export async function gameOf(lab: Pick<Lab, 'workloads'>, id: string): Promise<number> {
  const pid = (await lab.workloads()).get(id) ?? null
  if (pid === null) throw new Error(`${id} does not run`)
  return pid
}

/** Process id of the shim that holds a server's game. */
export function shimOf({ product }: Pick<Lab, 'product'>, id: string): number {
  const pattern = `containerd-shim.* -namespace ${product.namespace} .*-id ${id} `
  return Number(execFileSync('pgrep', ['-f', '--', pattern]).toString().trim().split('\n')[0])
}
