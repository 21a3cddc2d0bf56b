import { statfs } from 'node:fs/promises'
import os from 'node:os'

/** What this machine can give to servers. CPU 100 is one core; memory and disk in MiB. */
export type Capacity = { memoryMiB: number; cpuPercent: number; diskMiB: number }

/** Memory that the system and we ourselves keep. */
const RESERVED_MEMORY_MIB = 512

/** @param dataFolder on the file system whose room counts */
export async function readCapacity(dataFolder: string): Promise<Capacity> {
  const { bsize, bavail } = await statfs(dataFolder)
  return {
    memoryMiB: Math.max(0, Math.floor(os.totalmem() / 2 ** 20) - RESERVED_MEMORY_MIB),
    cpuPercent: os.availableParallelism() * 100,
    diskMiB: Math.floor((bsize * bavail) / 2 ** 20),
  }
}
