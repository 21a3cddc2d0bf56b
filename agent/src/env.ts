import path from 'node:path'
import { z } from 'zod'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A port alone is one of loopback. */
const listenAddress = z
  .string()
  .regex(/^((\[[0-9a-f:]+\]|[^:\s]+):)?\d{1,5}$/i, 'is a port, or an address and a port, such as 127.0.0.1:9465')
  .transform((text) => {
    const colon = text.lastIndexOf(':')
    return { host: colon < 0 ? '127.0.0.1' : text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
  })
  .refine(({ port }) => port <= 65_535, 'has a port up to 65535')

const schema = z.object({
  CATALYST_AGENT_API_URL: z.url({ protocol: /^wss?$/ }).default('ws://127.0.0.1:3000/agent'),
  CATALYST_AGENT_ALLOW_INSECURE: z.stringbool().default(false),
  CATALYST_AGENT_ENROLMENT_TOKEN: z.string().optional(),
  CATALYST_DATA_DIR: z.string().default('/var/lib/catalyst'),
  CONTAINERD_SOCKET: z.string().default('/run/containerd/containerd.sock'),
  CONTAINERD_NAMESPACE: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .default('catalyst'),
  CATALYST_AGENT_FIRST_UID: z.coerce.number().int().min(1000).default(200_000),
  CATALYST_AGENT_LAST_UID: z.coerce.number().int().default(265_535),
  CATALYST_AGENT_METRICS_LISTEN: listenAddress.optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
})

/** Settings of the agent; folders are absolute. */
export type AgentEnv = {
  apiUrl: string
  enrolmentToken: string | null
  folder: string
  containerdSocket: string
  namespace: string
  uids: { first: number; last: number }
  /** Where Prometheus reads; null: nowhere. */
  metrics: { host: string; port: number } | null
  logLevel: string
}

/** Settings that break their rules; a line for each. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
}

/** @throws EnvError naming every problem at once */
export function readEnv(source: NodeJS.ProcessEnv): AgentEnv {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(given)
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  if (parsed.success) {
    const { protocol, hostname } = new URL(parsed.data.CATALYST_AGENT_API_URL)
    if (protocol === 'ws:' && !LOOPBACK.has(hostname) && !parsed.data.CATALYST_AGENT_ALLOW_INSECURE) {
      problems.push('CATALYST_AGENT_API_URL: plain ws:// leads to another machine; use wss://, or set CATALYST_AGENT_ALLOW_INSECURE=true')
    }
    if (parsed.data.CATALYST_AGENT_LAST_UID < parsed.data.CATALYST_AGENT_FIRST_UID)
      problems.push('CATALYST_AGENT_LAST_UID: is below CATALYST_AGENT_FIRST_UID')
    if (problems.length === 0) {
      const env = parsed.data
      return {
        apiUrl: env.CATALYST_AGENT_API_URL,
        enrolmentToken: env.CATALYST_AGENT_ENROLMENT_TOKEN ?? null,
        folder: path.resolve(env.CATALYST_DATA_DIR, 'agent'),
        containerdSocket: env.CONTAINERD_SOCKET,
        namespace: env.CONTAINERD_NAMESPACE,
        uids: { first: env.CATALYST_AGENT_FIRST_UID, last: env.CATALYST_AGENT_LAST_UID },
        metrics: env.CATALYST_AGENT_METRICS_LISTEN ?? null,
        logLevel: env.LOG_LEVEL,
      }
    }
  }
  throw new EnvError(`These settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}
