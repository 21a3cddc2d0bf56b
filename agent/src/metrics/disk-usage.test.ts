import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDiskUsage, type DiskUsage } from './disk-usage.ts'

let folder: string
let now: number
let usage: DiskUsage

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-disk-'))
  now = 0
  usage = createDiskUsage(() => now)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** Puts a `du` in the place of the machine's. */
function du(script: string) {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(path.join(bin, 'du'), `#!/bin/sh\n${script}\n`)
  chmodSync(path.join(bin, 'du'), 0o755)
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`)
}
const measured = () => expect.poll(() => usage.bytesOf(folder))

describe('disk usage', () => {
  it('is not known before the first walk', async () => {
    writeFileSync(path.join(folder, 'world'), Buffer.alloc(2 ** 20, 1))
    expect(usage.bytesOf(folder)).toBeNull()
    await measured().toBeGreaterThanOrEqual(2 ** 20)
  })

  it('counts the files that are left when others vanish during the walk', async () => {
    du(`printf '4096\\t%s\\n' "$4"; echo "du: cannot access 'region': No such file or directory" >&2; exit 1`)
    await measured().toBe(4096)
  })

  it('keeps the last value when a walk says nothing', async () => {
    du('echo 4096')
    await measured().toBe(4096)
    du(`touch ${folder}/walked; exit 1`)
    now = 61_000
    expect(usage.bytesOf(folder)).toBe(4096)
    await expect.poll(() => existsSync(path.join(folder, 'walked'))).toBe(true)
    expect(usage.bytesOf(folder)).toBe(4096)
    du('echo 8192')
    await measured().toBe(8192)
  })
})
