import { z } from 'zod'

/** Settings of the api. */
export type Env = {
  host: string
  /** 0 takes a free one; `publicUrl` should then be given. */
  httpPort: number
  /** Links, the Origin check and cookies use only this address; null: `http://localhost:<port>`. No slash at its end. */
  publicUrl: string | null
  databaseUrl: string
  /** Keeps the scheduler's jobs; null keeps them in PostgreSQL. */
  mongodbUrl: string | null
  /** Where Prometheus reads: on the public port behind the token, or at an address of its own. null: nowhere. */
  prometheus: { token: string; listen: null } | { token: string | null; listen: { host: string; port: number } } | null
  /** Days that measurements are kept: raw ones, and their averages of five minutes and of an hour; those of days are kept for good. */
  metricsRetention: { sampleDays: number; fiveMinuteDays: number; hourDays: number }
  /** Built dashboard; null serves none. */
  dashboardDir: string | null
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** Made at the first start when nobody is administrator; null makes none. */
  administrator: { email: string; password: string } | null
}

/** Settings that break their rules; the message has one line for each. */
export class EnvError extends Error {
  override readonly name = 'EnvError'
}

// An empty value means "not set".
const unset = (value: unknown) => (value === '' ? undefined : value)
const optional = <T extends z.ZodType>(type: T) => z.preprocess(unset, type.optional())

const hostAndPort = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i, 'is an address and a port, such as 127.0.0.1:9464')
  .transform((text) => {
    const colon = text.lastIndexOf(':')
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
  })
  .refine(({ port }) => port <= 65535, 'has a port up to 65535')
const days = (usual: number) => z.preprocess(unset, z.coerce.number().int().min(1).max(36_500).default(usual))

const schema = z.object({
  CATALYST_HOST: z.preprocess(unset, z.string().default('127.0.0.1')),
  CATALYST_HTTP_PORT: z.preprocess(unset, z.coerce.number().int().min(0).max(65535).default(3000)),
  CATALYST_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  MONGODB_URL: optional(z.url({ protocol: /^mongodb(\+srv)?$/ })),
  CATALYST_METRICS_TOKEN: optional(z.string().regex(/^[A-Za-z0-9_-]{16,200}$/, 'has 16 to 200 letters, digits, - and _')),
  CATALYST_METRICS_LISTEN: optional(hostAndPort),
  CATALYST_METRICS_SAMPLE_DAYS: days(7),
  CATALYST_METRICS_5M_DAYS: days(90),
  CATALYST_METRICS_1H_DAYS: days(730),
  CATALYST_DASHBOARD_DIR: optional(z.string().startsWith('/')),
  LOG_LEVEL: z.preprocess(unset, z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info')),
  CATALYST_ADMIN_EMAIL: optional(z.email()),
  CATALYST_ADMIN_PASSWORD: optional(z.string().min(8, 'has at least 8 characters').max(1024)),
})

function prometheusOf(token: string | null, listen: { host: string; port: number } | null): Env['prometheus'] {
  if (listen !== null) return { token, listen }
  return token === null ? null : { token, listen }
}

/**
 * @param variables the environment
 * @throws EnvError naming every problem at once
 */
export function parseEnv(variables: Readonly<Record<string, string | undefined>>): Env {
  const parsed = schema.safeParse(variables)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new EnvError(`These settings of the api are not usable:\n${problems.join('\n')}`)
  }
  const values = parsed.data
  const { CATALYST_ADMIN_EMAIL: email, CATALYST_ADMIN_PASSWORD: password } = values
  return {
    host: values.CATALYST_HOST,
    httpPort: values.CATALYST_HTTP_PORT,
    publicUrl: values.CATALYST_PUBLIC_URL === undefined ? null : values.CATALYST_PUBLIC_URL.replace(/\/$/, ''),
    databaseUrl: values.DATABASE_URL,
    mongodbUrl: values.MONGODB_URL ?? null,
    prometheus: prometheusOf(values.CATALYST_METRICS_TOKEN ?? null, values.CATALYST_METRICS_LISTEN ?? null),
    metricsRetention: {
      sampleDays: values.CATALYST_METRICS_SAMPLE_DAYS,
      fiveMinuteDays: values.CATALYST_METRICS_5M_DAYS,
      hourDays: values.CATALYST_METRICS_1H_DAYS,
    },
    dashboardDir: values.CATALYST_DASHBOARD_DIR ?? null,
    logLevel: values.LOG_LEVEL,
    administrator: email === undefined || password === undefined ? null : { email, password },
  }
}

/** The settings of this process. @throws EnvError */
export function readEnv(): Env {
  return parseEnv(process.env)
}
