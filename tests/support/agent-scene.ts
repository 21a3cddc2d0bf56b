import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { startFakeApi } from './fake-api.ts'
import type { FakeApi, FakeAssignment, FakeCommand } from './fake-api-types.ts'
import { createTestAgent, type AgentProcess, type RunningAgent, type TestAgentHost } from './test-agent.ts'

const PATIENCE = { timeout: 15_000, interval: 20 }

/** A wish as the api gives it. */
export function wish(serverId: string, change: Partial<FakeAssignment> = {}, spec: Partial<FakeAssignment['spec']> = {}): FakeAssignment {
  return {
    serverId,
    generation: 1,
    desiredState: 'RUNNING',
    isRemoved: false,
    isInstalled: true,
    isKill: false,
    consolePosition: 0,
    ...change,
    spec: {
      name: 'Arena',
      slug: 'abcdefgh',
      image: { packages: ['game'], remove: [], keep: [] },
      startup: ['/game'],
      environment: [],
      workingDirectory: '/data',
      readOnlyRoot: true,
      ready: { text: 'ready to play', regex: null, timeoutSeconds: 60 },
      stop: { command: 'quit', signal: null, timeoutSeconds: 10 },
      restart: { policy: 'NEVER', cleanExitCodes: [0], maximumRestarts: 5, windowSeconds: 600 },
      bootPolicy: 'RESTORE',
      limits: { memoryMiB: 256, cpuPercent: 100, cpuset: '', diskMiB: 1024, pids: 64 },
      ports: [{ name: 'game', ip: '127.0.0.1', port: 25_500, protocol: 'UDP', isPrimary: true }],
      install: null,
      ...spec,
    },
  }
}

/** A spec's rule for crashes: up to five restarts in ten minutes. */
export const restart = (change: Partial<FakeAssignment['spec']['restart']> = {}) => ({
  restart: { policy: 'ON_FAILURE' as const, cleanExitCodes: [0], maximumRestarts: 5, windowSeconds: 600, ...change },
})

/** A command as the api gives it. */
export function order(serverId: string, kind: FakeCommand['kind'], change: Partial<FakeCommand> = {}): FakeCommand {
  return {
    id: randomUUID(),
    serverId,
    kind,
    generation: 1,
    deadlineSeconds: 60,
    consoleInput: null,
    actor: 'Ada',
    installationId: null,
    ...change,
  }
}

/**
 * A fake api and a scripted machine, new for each test of a file. Agents that a test leaves are ended; breaches of the protocol fail it.
 * @param diskMiB size of a disk of its own for the agent's folder, in memory
 */
export function useAgentScene({ diskMiB }: { diskMiB?: number } = {}) {
  let api: FakeApi
  let folder: string
  let host: TestAgentHost
  const agents: (RunningAgent | AgentProcess)[] = []

  beforeEach(async () => {
    api = await startFakeApi()
    folder = mkdtempSync(path.join(tmpdir(), 'catalyst-agent-'))
    if (diskMiB !== undefined) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(diskMiB)}m`, 'tmpfs', folder])
    host = createTestAgent({ folder, url: () => api.url, token: api.token })
  })

  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.kill()
    await api.stop()
    if (diskMiB !== undefined) execFileSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
    expect(api.breaches).toEqual([])
  })

  /** Lets a game of this server print its ready text, echo its input and end on `quit`. */
  const game = (serverId: string) => {
    host.runtime.script(serverId, { output: 'loading\nready to play\n', echoesStdin: true, quitsOn: 'quit' })
  }
  const reported = (serverId: string) => expect.poll(() => api.report(serverId), PATIENCE)

  return {
    get api() {
      return api
    },
    get host() {
      return host
    },
    get folder() {
      return folder
    },
    start() {
      const agent = host.start()
      agents.push(agent)
      return agent
    },
    /** Starts an agent that dies by SIGKILL at this step of this server. */
    startKilledAt(step: string, serverId: string) {
      const agent = host.startKilledAt(step, serverId)
      agents.push(agent)
      return agent
    },
    game,
    reported,
    /** What happened to a server, in order. */
    events: (serverId: string) => api.events.filter((event) => event.serverId === serverId),
    happened: (serverId: string) =>
      expect.poll(() => api.events.filter((event) => event.serverId === serverId).map(({ kind }) => kind), PATIENCE),
    text: (serverId: string) => expect.poll(() => api.text(serverId), PATIENCE),
    result: (command: FakeCommand) => expect.poll(() => api.results.find(({ commandId }) => commandId === command.id), PATIENCE),
    /** Times that a server's game was started. */
    starts: (serverId: string) => host.runtime.calls.filter((call) => call === `start ${serverId}`).length,
    /** Ends the game of a server. */
    crash(serverId: string, code = 3) {
      host.runtime.exit(serverId, { code })
    },
    /** The api is away until the returned function is called. */
    async outage(): Promise<() => Promise<void>> {
      const before = api.sessions()
      api.setAway(true)
      return async () => {
        api.setAway(false)
        await expect.poll(() => api.sessions(), { timeout: 40_000 }).toBeGreaterThan(before)
      }
    },
    /** Process of a server; null when it has none. */
    async pidOf(serverId: string) {
      const run = (await host.runtime.list()).find(({ id }) => id === serverId)?.run
      return run?.state === 'running' ? run.pid : null
    },
    /** Id of a new server whose game runs. */
    async running(change: Partial<FakeAssignment> = {}, spec: Partial<FakeAssignment['spec']> = {}) {
      const serverId = randomUUID()
      game(serverId)
      api.assign(wish(serverId, change, spec))
      await reported(serverId).toMatchObject({ state: 'RUNNING' })
      return serverId
    },
  }
}
