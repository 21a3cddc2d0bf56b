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

const schema = z.object({
  CATALYST_HOST: z.preprocess(unset, z.string().default('127.0.0.1')),
  CATALYST_HTTP_PORT: z.preprocess(unset, z.coerce.number().int().min(0).max(65535).default(3000)),
  CATALYST_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  MONGODB_URL: optional(z.url({ protocol: /^mongodb(\+srv)?$/ })),
  CATALYST_DASHBOARD_DIR: optional(z.string().startsWith('/')),
  LOG_LEVEL: z.preprocess(unset, z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info')),
  CATALYST_ADMIN_EMAIL: optional(z.email()),
  CATALYST_ADMIN_PASSWORD: optional(z.string().min(8, 'has at least 8 characters').max(1024)),
})

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
    dashboardDir: values.CATALYST_DASHBOARD_DIR ?? null,
    logLevel: values.LOG_LEVEL,
    administrator: email === undefined || password === undefined ? null : { email, password },
  }
}

/** The settings of this process. @throws EnvError */
export function readEnv(): Env {
  return parseEnv(process.env)
}
