import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDiskUsage, type DiskUsage } from './disk-usage.ts'

let folder: string
let now: number
let usage: DiskUsage
/** Of what the store keeps. */
let kept: Map<string, number>

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'catalyst-disk-'))
  now = 0
  kept = new Map()
  usage = start()
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const start = (longestWalkMs = 10_000) =>
  createDiskUsage({
    folderOf: (serverId) => path.join(folder, serverId),
    store: {
      diskBytes: (serverId) => kept.get(serverId) ?? null,
      setDiskBytes: (serverId, bytes) => void kept.set(serverId, bytes),
    },
    monotonicMs: () => now,
    longestWalkMs,
  })

/** Puts a `du` in the place of the machine's. */
function du(script: string) {
  const bin = path.join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(path.join(bin, 'du'), `#!/bin/sh\n${script}\n`)
  chmodSync(path.join(bin, 'du'), 0o755)
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`)
}
const measured = (serverId = '.') => expect.poll(() => usage.bytesOf(serverId))

describe('disk usage', () => {
  it('is not known before the first walk', async () => {
    writeFileSync(path.join(folder, 'world'), Buffer.alloc(2 ** 20, 1))
    expect(usage.bytesOf('.')).toBeNull()
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
    expect(usage.bytesOf('.')).toBe(4096)
    await expect.poll(() => existsSync(path.join(folder, 'walked'))).toBe(true)
    expect(usage.bytesOf('.')).toBe(4096)
    du('echo 8192')
    const later = () => {
      now += 61_000
      return usage.bytesOf('.')
    }
    await expect.poll(later).toBe(8192)
  })

  it('begins with what the agent before has measured', async () => {
    kept.set('.', 4096)
    du('echo 8192')
    expect(usage.bytesOf('.')).toBe(4096)
    await measured().toBe(8192)
  })

  it('goes on after a walk that cannot be begun', async () => {
    du('echo 4096')
    // More than a program can be told.
    expect(usage.bytesOf('x'.repeat(200_000))).toBeNull()
    await measured().toBe(4096)
  })

  it('gives up a walk that takes too long, and measures others', async () => {
    usage = start(60)
    du('case "$4" in *slow) exec sleep 60;; *) echo 4096;; esac')
    expect(usage.bytesOf('slow')).toBeNull()
    await measured('quick').toBe(4096)
    expect(kept.has('slow')).toBe(false)
  })

  it('measures one without a value while it still measures others', async () => {
    kept.set('slow', 1)
    du('case "$4" in *slow) exec sleep 2;; *) echo 4096;; esac')
    expect(usage.bytesOf('slow')).toBe(1)
    await measured('quick').toBe(4096)
  })
})
