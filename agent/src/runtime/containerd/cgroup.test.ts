import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cgroupsPath, countProcesses, parseOomKills, wasOutOfMemory, weighDisk, type CgroupHost } from './cgroup.ts'

const V1_KILLED = 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n'
const V2_KILLED = 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n'

let root: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'catalyst-cgroup-'))
})
afterEach(() => {
  rmSync(root, { recursive: true })
})
const hosts = (): Record<'v1' | 'v2' | 'systemd', CgroupHost> => ({
  v1: { version: 1, isSystemd: false, root },
  v2: { version: 2, isSystemd: false, root },
  systemd: { version: 2, isSystemd: true, root },
})
const write = (name: string, text: string) => {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}
const read = (name: string) => readFileSync(path.join(root, name), 'utf8')

describe('cgroupsPath', () => {
  it('is a folder of the namespace, or a scope in a slice of its own where systemd rules', () => {
    expect(cgroupsPath(hosts().v1, 'catalyst', 'a-b')).toBe('/catalyst/a-b')
    expect(cgroupsPath(hosts().systemd, 'catalyst-x', 'a-b')).toBe('catalyst_x-a_b.slice:catalyst-x:a-b')
  })
})

describe('countProcesses', () => {
  it.each([
    ['v1', 'memory/catalyst-x/a-b/cgroup.procs'],
    ['v2', 'catalyst-x/a-b/cgroup.procs'],
    ['systemd', 'catalyst_x.slice/catalyst_x-a_b.slice/catalyst-x-a-b.scope/cgroup.procs'],
  ] as const)('reads %s', (name, file) => {
    write(file, '')
    expect(countProcesses(hosts()[name], 'catalyst-x', 'a-b')).toBe(0)
    write(file, '17\n18\n1900\n')
    expect(countProcesses(hosts()[name], 'catalyst-x', 'a-b')).toBe(3)
    expect(countProcesses(hosts()[name], 'catalyst-x', 'gone')).toBe(0)
  })
})

describe('wasOutOfMemory', () => {
  it.each([
    ['v1', 'memory/catalyst-x/a-b/memory.oom_control', V1_KILLED],
    ['v2', 'catalyst-x/a-b/memory.events', V2_KILLED],
    // The slice around the scope: the scope itself has gone by the time somebody asks.
    ['systemd', 'catalyst_x.slice/catalyst_x-a_b.slice/memory.events', V2_KILLED],
  ] as const)('looks where the kernel has counted: %s', (kind, file, text) => {
    const host = hosts()[kind]
    expect(wasOutOfMemory(host, 'catalyst-x', 'a-b')).toBe(false)
    write(file, text)
    expect(wasOutOfMemory(host, 'catalyst-x', 'a-b')).toBe(true)
  })
})

describe('parseOomKills', () => {
  it.each([
    [V1_KILLED, 3],
    [V2_KILLED, 1],
    ['oom_kill_disable 1\n', 0],
    ['', 0],
  ])('%j', (text, expected) => {
    expect(parseOomKills(text)).toBe(expected)
  })
})

describe('weighDisk', () => {
  it.each([
    ['v1', 'blkio/catalyst/a/blkio.bfq.weight'],
    ['v2', 'catalyst/a/io.weight'],
    ['systemd', 'catalyst.slice/catalyst-a.slice/catalyst-a.scope/io.weight'],
    ['systemd', 'catalyst.slice/catalyst-a.slice/catalyst-a.scope/io.bfq.weight'],
  ] as const)('tells the kernel within what it takes: %s, %s', (kind, file) => {
    write(file, '')
    for (const [cpuPercent, weight] of [
      [250, '250'],
      [0.4, '1'],
      [6400, '1000'],
    ] as const) {
      write(file, '')
      weighDisk(hosts()[kind], 'catalyst', 'a', cpuPercent)
      expect(read(file)).toBe(weight)
    }
  })

  it('makes no file where the kernel has none', () => {
    mkdirSync(path.join(root, 'catalyst/a'), { recursive: true })
    weighDisk(hosts().v2, 'catalyst', 'a', 100)
    expect(() => read('catalyst/a/io.weight')).toThrow('ENOENT')
  })
})
