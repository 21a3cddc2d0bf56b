import type { Server } from '@catalyst/prisma/client'
import type { TemplateSpec } from '../templates/template-spec.ts'

/** How a server is asked to stop; SIGKILL follows after the time. Exactly one of command and signal is set. */
export type StopRule = { command: string | null; signal: string | null; timeoutSeconds: number }

/** The server's own rule where it has one, else the template's. */
export function stopRuleOf(
  server: Pick<Server, 'stopCommand' | 'stopSignal' | 'stopTimeoutSeconds'>,
  { stop }: Pick<TemplateSpec, 'stop'>,
): StopRule {
  const hasOwn = server.stopCommand !== null || server.stopSignal !== null
  return {
    command: hasOwn ? server.stopCommand : (stop.command ?? null),
    signal: hasOwn ? server.stopSignal : (stop.signal ?? null),
    timeoutSeconds: server.stopTimeoutSeconds ?? stop.timeoutSeconds,
  }
}
