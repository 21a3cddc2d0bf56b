import { describe, expect, it } from 'vitest'
import { cgroupsPath, parseOomKills } from './cgroup.ts'

describe('cgroupsPath', () => {
  it('is a folder of the namespace, or a scope in a slice of its own where systemd rules', () => {
    expect(cgroupsPath({ version: 1, isSystemd: false }, 'catalyst', 'a-b')).toBe('/catalyst/a-b')
    expect(cgroupsPath({ version: 2, isSystemd: true }, 'catalyst-x', 'a-b')).toBe('catalyst_x-a_b.slice:catalyst-x:a-b')
  })
})

describe('parseOomKills', () => {
  it.each([
    ['oom_kill_disable 0\nunder_oom 0\noom_kill 3\n', 3],
    ['low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n', 1],
    ['oom_kill_disable 1\n', 0],
    ['', 0],
  ])('%j', (text, expected) => {
    expect(parseOomKills(text)).toBe(expected)
  })
})
