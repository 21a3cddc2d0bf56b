import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'

const ROOT = path.resolve(import.meta.dirname, '..')

const port = z.coerce.number().int().min(1).max(65535)

const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'is two port numbers with a dash, such as 25500-25599')
  .transform((text) => {
    const [first = 0, last = 0] = text.split('-').map(Number)
    return { first, last }
  })
  .refine(({ first, last }) => first >= 1024 && last <= 65535 && first <= last, 'lies within 1024-65535 and begins with the lower number')

const defaultDataDir = () => {
  if (process.getuid?.() === 0) return '/var/lib/catalyst'
  return path.join(process.env['XDG_STATE_HOME'] ?? path.join(os.homedir(), '.local', 'state'), 'catalyst')
}

// An empty value in `.env` means "not set".
const unset = (value: unknown) => (value === '' ? undefined : value)
const optional = <T extends z.ZodType>(type: T) => z.preprocess(unset, type.optional())

const schema = z.object({
  CATALYST_HOST: z.preprocess(unset, z.string().default('127.0.0.1')),
  CATALYST_HTTP_PORT: z.preprocess(unset, port.default(3000)),
  CATALYST_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  CATALYST_DATA_DIR: z.preprocess(unset, z.string().default(defaultDataDir)),
  CATALYST_AGENT_API_URL: optional(z.url({ protocol: /^wss?$/ })),
  CATALYST_NODE_ADDRESS: optional(z.ipv4()),
  CATALYST_NODE_PORTS: z.preprocess(unset, portRange.prefault('25500-25599')),
  DATABASE_URL: optional(z.url({ protocol: /^postgres(ql)?$/ })),
  CONTAINERD_SOCKET: optional(z.string().startsWith('/')),
  CONTAINERD_NAMESPACE: z.preprocess(
    unset,
    z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/, 'is lower-case letters, digits and dashes, at most 32')
      .default('catalyst'),
  ),
  LOG_LEVEL: z.preprocess(unset, z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info')),
  CATALYST_ADMIN_EMAIL: optional(z.email()),
  CATALYST_ADMIN_PASSWORD: optional(z.string().min(8, 'has at least 8 characters')),
})

/** What `npm start` and its relatives go by; paths are absolute, ports are numbers. */
export type Settings = {
  root: string
  host: string
  httpPort: number
  publicUrl: string
  dataDir: string
  /** What this machine's agent dials; null: the api itself. */
  agentApiUrl: string | null
  nodeAddress: string
  nodePorts: { first: number; last: number }
  /** null: the embedded PostgreSQL. */
  databaseUrl: string | null
  containerdSocket: string
  /** False when the socket is the default, so that a containerd of our own may take its place. */
  isContainerdSocketChosen: boolean
  containerdNamespace: string
  logLevel: string
  administrator: { email: string | null; password: string | null }
}

/** Settings that break their rules; the message has one line for each. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

/** The address that this machine uses towards others: asks the routing table, sends nothing. */
async function primaryAddress(): Promise<string> {
  const socket = createSocket('udp4')
  try {
    const connected = once(socket, 'connect')
    socket.connect(9, '192.0.2.1')
    await connected
    return socket.address().address
  } catch {
    // No route to anywhere: games are published on this machine only.
    return '127.0.0.1'
  } finally {
    socket.close()
  }
}

/**
 * Reads the environment and `.env`, in which the environment wins.
 * @throws SettingsError naming every problem at once
 */
export async function readSettings(): Promise<Settings> {
  const file = path.join(ROOT, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
  const parsed = schema.safeParse(process.env)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new SettingsError(`These settings (environment or .env) are not usable:\n${problems.join('\n')}`)
  }
  const values = parsed.data
  return {
    root: ROOT,
    host: values.CATALYST_HOST,
    httpPort: values.CATALYST_HTTP_PORT,
    publicUrl: (values.CATALYST_PUBLIC_URL ?? `http://localhost:${String(values.CATALYST_HTTP_PORT)}`).replace(/\/$/, ''),
    dataDir: path.resolve(values.CATALYST_DATA_DIR),
    agentApiUrl: values.CATALYST_AGENT_API_URL ?? null,
    nodeAddress: values.CATALYST_NODE_ADDRESS ?? (await primaryAddress()),
    nodePorts: values.CATALYST_NODE_PORTS,
    databaseUrl: values.DATABASE_URL ?? null,
    containerdSocket: values.CONTAINERD_SOCKET ?? '/run/containerd/containerd.sock',
    isContainerdSocketChosen: values.CONTAINERD_SOCKET !== undefined,
    containerdNamespace: values.CONTAINERD_NAMESPACE,
    logLevel: values.LOG_LEVEL,
    administrator: { email: values.CATALYST_ADMIN_EMAIL ?? null, password: values.CATALYST_ADMIN_PASSWORD ?? null },
  }
}
