import type { Allocation, Server, ServerVariable, Template } from '@catalyst/prisma/client'
import { resolveSignal } from '../../lib/signals.ts'
import { specOf } from '../templates/template-service.ts'
import { portVariable, substitute } from '../templates/substitute.ts'
import { stopRuleOf } from './stop-rule.ts'

/** A server with everything its assignment is made of. */
export type AssignedServer = Server & {
  template: Template
  allocations: Allocation[]
  variables: ServerVariable[]
  /** Open kills. */
  commands: { generation: number }[]
}

/** Processes and threads of one server. */
const PIDS = 512

/** What the agent is told a server should be; every text is final, the agent replaces nothing. */
export function assignmentOf(server: AssignedServer, consolePosition: number) {
  const spec = specOf(server.template)
  const ports = server.allocations.toSorted((a, b) => a.position - b.position)
  const primary = ports.find((port) => port.isPrimary) ?? ports[0]
  const values = new Map<string, string>([
    ...ports.map((port): [string, string] => [portVariable(port.name ?? ''), String(port.port)]),
    ...server.variables.map(({ name, value }): [string, string] => [name, value]),
    // Last: a variable of the same name cannot pretend to be one of these.
    ['SERVER_ID', server.id],
    ['SERVER_NAME', server.name],
    ['SERVER_MEMORY', String(server.memoryMiB)],
    ['SERVER_IP', primary?.ip ?? ''],
    ['SERVER_PORT', String(primary?.port ?? '')],
  ])
  const fill = (text: string) => substitute(text, values)
  const stop = stopRuleOf(server, spec)
  return {
    serverId: server.id,
    generation: server.generation,
    desiredState: server.desiredState,
    isKill: server.commands.some(({ generation }) => generation === server.generation),
    isRemoved: server.deletedAt !== null,
    isInstalled: server.installedAt !== null,
    consolePosition,
    flood: { linesPerSecond: server.consoleFloodLinesPerSecond, bytesPerSecond: server.consoleFloodBytesPerSecond },
    spec: {
      name: server.name,
      slug: server.slug,
      image: spec.image.debian,
      startup: spec.startup.map(fill),
      environment: Object.entries(spec.environment).map(([name, value]) => ({ name, value: fill(value) })),
      workingDirectory: spec.workingDirectory,
      readOnlyRoot: spec.readOnlyRoot,
      ready:
        spec.ready === undefined
          ? null
          : { text: spec.ready.text ?? null, regex: spec.ready.regex ?? null, timeoutSeconds: spec.ready.timeoutSeconds },
      stop: {
        command: stop.command === null ? null : fill(stop.command),
        signal: stop.signal === null ? null : resolveSignal(stop.signal),
        timeoutSeconds: stop.timeoutSeconds,
      },
      restart: {
        policy: server.crashPolicy,
        cleanExitCodes: server.cleanExitCodes,
        maximumRestarts: server.maximumRestarts,
        windowSeconds: server.restartWindowSeconds,
      },
      bootPolicy: server.bootPolicy,
      limits: {
        memoryMiB: server.memoryMiB,
        cpuPercent: server.cpuPercent,
        cpuset: server.cpuset,
        diskMiB: server.diskMiB,
        pids: PIDS,
      },
      ports: ports.map(({ name, ip, port, protocol, isPrimary }) => ({
        name: name ?? '',
        ip,
        port,
        protocol: protocol ?? ('BOTH' as const),
        isPrimary,
      })),
      install:
        spec.install === undefined
          ? null
          : { script: fill(spec.install.script), interpreter: spec.install.interpreter, timeoutSeconds: spec.install.timeoutSeconds },
    },
  }
}

export type Assignment = ReturnType<typeof assignmentOf>
