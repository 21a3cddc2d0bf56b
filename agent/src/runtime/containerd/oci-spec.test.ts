import { describe, expect, it } from 'vitest'
import type { WorkloadSpec } from '../runtime.ts'
import { buildOciSpec, cpuPercentOf, readSeccompProfile, resourcesOf } from './oci-spec.ts'

const SPEC: WorkloadSpec = {
  id: 'one',
  image: 'image',
  args: ['/game', '--port', '1'],
  env: { HOME: '/data' },
  workingDirectory: '/data',
  user: { uid: 200_001, gid: 200_001 },
  hostname: 'game',
  mounts: [{ source: '/srv/one', target: '/data', readOnly: false }],
  limits: { memoryMiB: 64, cpuPercent: 150, cpuset: '', pids: 32 },
  readOnlyRoot: true,
  networkNamespace: '/run/netns/one',
  labels: {},
}

describe('buildOciSpec', () => {
  const seccomp = readSeccompProfile('x64')

  it('runs the game under tini as its own user without any power', () => {
    expect(buildOciSpec(SPEC, '/catalyst/one', seccomp)).toMatchObject({
      process: {
        args: ['/.init', '-g', '--', '/game', '--port', '1'],
        env: ['HOME=/data'],
        user: { uid: 200_001, gid: 200_001 },
        capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
        noNewPrivileges: true,
      },
      root: { readonly: true },
      linux: {
        cgroupsPath: '/catalyst/one',
        seccomp,
        readonlyPaths: expect.arrayContaining(['/proc/sys']) as string[],
        maskedPaths: expect.arrayContaining(['/proc/kcore']) as string[],
      },
    })
  })

  it('never lets a bind mount carry set-uid programs or devices', () => {
    const { mounts } = buildOciSpec(
      { ...SPEC, mounts: [...SPEC.mounts, { source: '/a', target: '/b', readOnly: true }] },
      '/c',
      seccomp,
    ) as { mounts: { type: string; options: string[] }[] }
    const binds = mounts.filter((mount) => mount.type === 'bind')
    expect(binds).toHaveLength(3)
    for (const mount of binds) expect(mount.options).toEqual(expect.arrayContaining(['nosuid', 'nodev']))
    expect(binds.at(-1)?.options).toContain('ro')
  })

  it.each([
    ['/run/netns/one', { type: 'network', path: '/run/netns/one' }],
    [null, { type: 'network' }],
  ])('never shares the network of the host: %s', (networkNamespace, expected) => {
    const { linux } = buildOciSpec({ ...SPEC, networkNamespace }, '/c', seccomp) as { linux: { namespaces: object[] } }
    expect(linux.namespaces).toContainEqual(expected)
    expect(linux.namespaces).toHaveLength(5)
  })
})

describe('resourcesOf', () => {
  it('turns limits into what the kernel reads; swap is off', () => {
    expect(resourcesOf(SPEC.limits)).toEqual({
      memory: { limit: 67_108_864, swap: 67_108_864 },
      cpu: { period: 100_000, quota: 150_000, shares: 1536 },
      pids: { limit: 32 },
    })
  })

  it('names cores only when some are chosen', () => {
    expect(resourcesOf({ ...SPEC.limits, cpuset: '0-1,3' }).cpu).toEqual({ period: 100_000, quota: 150_000, shares: 1536, cpus: '0-1,3' })
  })

  it('keeps the smallest quota and shares that the kernel takes', () => {
    expect(resourcesOf({ memoryMiB: 16, cpuPercent: 0, cpuset: '', pids: 1 }).cpu).toEqual({ period: 100_000, quota: 1000, shares: 2 })
  })
})

describe('cpuPercentOf', () => {
  it('reads what was written', () => {
    expect(cpuPercentOf(Buffer.from(JSON.stringify(buildOciSpec(SPEC, '/c', {}))))).toBe(150)
  })
})

describe('readSeccompProfile', () => {
  it.each(['x64', 'arm64'])('is an allow-list on %s without what reaches outside', (architecture) => {
    const profile = readSeccompProfile(architecture) as { defaultAction: string; syscalls: { names: string[]; action: string }[] }
    const allowed = profile.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW').flatMap((rule) => rule.names)
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO')
    expect(allowed.length).toBeGreaterThan(250)
    for (const name of ['mount', 'ptrace', 'io_uring_setup', 'bpf', 'init_module', 'kexec_load', 'keyctl', 'setns', 'unshare'])
      expect(allowed).not.toContain(name)
  })
})
