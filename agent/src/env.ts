import path from 'node:path'
import * as v from 'valibot'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A port alone is one of loopback. */
const listenAddress = v.pipe(
  v.string(),
  v.regex(/^((\[[0-9a-f:]+\]|[^:\s]+):)?\d{1,5}$/i, 'is a port, or an address and a port, such as 127.0.0.1:9465'),
  v.transform((text) => {
    const colon = text.lastIndexOf(':')
    return { host: colon < 0 ? '127.0.0.1' : text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
  }),
  v.check(({ port }) => port <= 65_535, 'has a port up to 65535'),
)

const text = v.string()
const webSocketUrl = v.pipe(text, v.url('is an address'), v.regex(/^wss?:/i, 'begins with ws:// or wss://'))
const YES = ['true', '1', 'yes', 'on', 'y', 'enabled']
const NO = ['false', '0', 'no', 'off', 'n', 'disabled']
const isTrue = v.pipe(
  text,
  v.toLowerCase(),
  v.picklist([...YES, ...NO], 'is true or false'),
  v.transform((value) => YES.includes(value)),
)
/** The one above means nobody to the kernel. */
const LAST_USER_ID = 2 ** 32 - 2
const userId = v.pipe(
  text,
  v.digits('is a number'),
  v.transform(Number),
  v.minValue(1000, 'is at least 1000'),
  v.maxValue(LAST_USER_ID, `is at most ${String(LAST_USER_ID)}`),
)

// Not the library of the api: this one takes a tenth of the memory.
const schema = v.object({
  CATALYST_AGENT_API_URL: v.optional(webSocketUrl, 'ws://127.0.0.1:3000/agent'),
  CATALYST_AGENT_ALLOW_INSECURE: v.optional(isTrue, 'false'),
  CATALYST_AGENT_ENROLMENT_TOKEN: v.nullish(text, null),
  CATALYST_DATA_DIR: v.optional(text, '/var/lib/catalyst'),
  CONTAINERD_SOCKET: v.optional(text, '/run/containerd/containerd.sock'),
  CONTAINERD_NAMESPACE: v.optional(
    v.pipe(text, v.regex(/^[a-z][a-z0-9-]{0,31}$/, 'is lower-case letters, digits and dashes, at most 32')),
    'catalyst',
  ),
  CATALYST_AGENT_FIRST_UID: v.optional(userId, '200000'),
  CATALYST_AGENT_LAST_UID: v.optional(userId, '265535'),
  CATALYST_AGENT_METRICS_LISTEN: v.nullish(listenAddress, null),
  LOG_LEVEL: v.optional(v.picklist(['fatal', 'error', 'warn', 'info', 'debug', 'trace']), 'info'),
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
  const trimmed = Object.entries(source).map(([name, value]) => [name, value?.trim()] as const)
  const given = Object.fromEntries(trimmed.filter(([, value]) => value !== ''))
  const { success, output: env, issues } = v.safeParse(schema, given)
  const problems = (issues ?? []).map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`)
  if (success) {
    const { protocol, hostname } = new URL(env.CATALYST_AGENT_API_URL)
    if (protocol === 'ws:' && !LOOPBACK.has(hostname) && !env.CATALYST_AGENT_ALLOW_INSECURE) {
      problems.push('CATALYST_AGENT_API_URL: plain ws:// leads to another machine; use wss://, or set CATALYST_AGENT_ALLOW_INSECURE=true')
    }
    if (env.CATALYST_AGENT_LAST_UID < env.CATALYST_AGENT_FIRST_UID)
      problems.push('CATALYST_AGENT_LAST_UID: is below CATALYST_AGENT_FIRST_UID')
    if (problems.length === 0) {
      return {
        apiUrl: env.CATALYST_AGENT_API_URL,
        enrolmentToken: env.CATALYST_AGENT_ENROLMENT_TOKEN,
        folder: path.resolve(env.CATALYST_DATA_DIR, 'agent'),
        containerdSocket: env.CONTAINERD_SOCKET,
        namespace: env.CONTAINERD_NAMESPACE,
        uids: { first: env.CATALYST_AGENT_FIRST_UID, last: env.CATALYST_AGENT_LAST_UID },
        metrics: env.CATALYST_AGENT_METRICS_LISTEN,
        logLevel: env.LOG_LEVEL,
      }
    }
  }
  throw new EnvError(`These settings are not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}
