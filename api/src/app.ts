import { pino, type Logger } from 'pino'
import { createAgentGateway } from './agent-gateway/agent-gateway.ts'
import { createDatabase, type Database } from './db/database.ts'
import { problemOfMigrations, readMigrationNames, readMigrationState } from './db/migration-state.ts'
import { isUnavailable } from './db/unavailable.ts'
import type { Env } from './env.ts'
import { createEventBus } from './events/event-bus.ts'
import { listen } from './events/notifications.ts'
import type { Services } from './graphql/context.ts'
import { createPipeline } from './graphql/pipeline.ts'
import { buildSchema } from './graphql/schema.ts'
import { createSubscriptionHub } from './graphql/subscription-hub.ts'
import { createConsoleDownload } from './http/console-download.ts'
import { createGraphqlHttp } from './http/graphql-http.ts'
import { createGraphqlSocket } from './http/graphql-socket.ts'
import { createHttpServer } from './http/http-server.ts'
import { createIdentify } from './http/identify.ts'
import { createMetricsEndpoint, listenForMetrics } from './http/metrics-endpoint.ts'
import { createOriginCheck } from './http/origin.ts'
import { securityHeaders } from './http/security-headers.ts'
import { createSessionCookies } from './http/session-cookie.ts'
import { createStaticFiles } from './http/static-files.ts'
import { systemClock, type Clock } from './lib/clock.ts'
import { newId } from './lib/ids.ts'
import { createAllocationReadModel } from './modules/allocations/allocation-read-model.ts'
import { createAllocationService } from './modules/allocations/allocation-service.ts'
import { createAuditService } from './modules/audit/audit-service.ts'
import { createAuthService, LONGEST_SESSION_MS, REVOCATION_CHANNEL } from './modules/auth/auth-service.ts'
import { createPasswords } from './modules/auth/password.ts'
import { createCommandExpiry } from './modules/commands/command-expiry.ts'
import { createConsoleArchiveService } from './modules/console/console-archive-service.ts'
import { createConsoleInput } from './modules/console/console-input.ts'
import { createConsoleReadModel } from './modules/console/console-read-model.ts'
import { createConsoleRetention } from './modules/console/console-retention.ts'
import { createConsoleService } from './modules/console/console-service.ts'
import { createConsoleSettingsService } from './modules/console/console-settings-service.ts'
import { createConsoleStore } from './modules/console/console-store.ts'
import { createInstallationService } from './modules/installations/installation-service.ts'
import { createGapStore } from './modules/metrics/gap-store.ts'
import { createMetricsService } from './modules/metrics/metrics-service.ts'
import { createRollUpStore } from './modules/metrics/roll-up-store.ts'
import { createSampleStore } from './modules/metrics/sample-store.ts'
import { createSeriesReadModel } from './modules/metrics/series-read-model.ts'
import { createEnrolmentService } from './modules/nodes/enrolment-service.ts'
import { createNodeReadModel } from './modules/nodes/node-read-model.ts'
import { createNodeService } from './modules/nodes/node-service.ts'
import { createRoleService } from './modules/roles/role-service.ts'
import { createServerChanges } from './modules/servers/server-changes.ts'
import { createServerHistoryReadModel } from './modules/servers/server-history-read-model.ts'
import { createServerReadModel } from './modules/servers/server-read-model.ts'
import { createServerReports } from './modules/servers/server-reports.ts'
import { createServerService } from './modules/servers/server-service.ts'
import { createTemplateReadModel } from './modules/templates/template-read-model.ts'
import { createTemplateService } from './modules/templates/template-service.ts'
import { createUserReadModel } from './modules/users/user-read-model.ts'
import { createUserService, type UserService } from './modules/users/user-service.ts'
import { createJobs } from './scheduler/jobs.ts'
import { startScheduler } from './scheduler/scheduler.ts'
import { countStored } from './telemetry/console-telemetry.ts'
import { watchProduct } from './telemetry/product-telemetry.ts'
import { createTelemetry, type Telemetry } from './telemetry/telemetry.ts'

/** The api, running. */
export type App = {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  url: string
  stop(): Promise<void>
}

/** What the command line needs of the api, without its servers. */
export type Administration = {
  users: UserService
  createEnrolmentToken: Services['enrolment']['createToken']
  close(): Promise<void>
}

/** The database cannot be used by this version; the message says what to do. */
export class DatabaseNotReadyError extends Error {
  override readonly name = 'DatabaseNotReadyError'
}

const READINESS_TIMEOUT_MS = 2_000

/** Secrets never reach the log, whatever is logged. */
const REDACTED = ['password', 'token', 'authorization', 'cookie', '*.password', '*.token', '*.authorization', '*.cookie']

function createLogger(level: Env['logLevel']): Logger {
  return pino({ level, redact: REDACTED, base: { part: 'api' } })
}

async function openDatabase(env: Env, logger: Logger, telemetry: Telemetry): Promise<{ db: Database; migrations: string[] }> {
  const db = createDatabase(env.databaseUrl, logger, telemetry.observeSql)
  try {
    const migrations = await readMigrationNames()
    const problem = problemOfMigrations(await readMigrationState(db.pool, migrations))
    if (problem !== null) throw new DatabaseNotReadyError(problem)
    return { db, migrations }
  } catch (error) {
    await db.close()
    throw error
  }
}

/** The one row that makes this installation itself; made by whoever comes first. */
async function readInstanceId(db: Database): Promise<string> {
  return db.transaction(async (tx) => {
    await tx.prisma.$executeRaw`lock table "Instance" in share row exclusive mode`
    const instance = await tx.prisma.instance.findFirst({ orderBy: { createdAt: 'asc' } })
    return (instance ?? (await tx.prisma.instance.create({ data: { id: newId() } }))).id
  })
}

function createServices(
  db: Database,
  { metricsRetention: retention }: Env,
  logger: Logger,
  telemetry: Telemetry,
  isListening: () => boolean,
) {
  const clock: Clock = systemClock
  const onError = (error: unknown) => {
    // What runs in the background tries again by itself.
    if (isUnavailable(error)) logger.warn({ err: error }, 'work in the background found no database')
    else logger.error({ err: error }, 'unexpected error')
  }
  const bus = createEventBus(onError)
  const audit = createAuditService()
  const passwords = createPasswords()
  const monotonicMs = () => clock.monotonicMs()
  const now = () => clock.now()
  const samples = createSampleStore({ db, now, sampleDays: retention.sampleDays })
  const changes = createServerChanges({ bus })
  const auth = createAuthService({ db, bus, audit, passwords, clock, isListening })
  const metrics = createMetricsService({ db, bus, retention, readModel: createSeriesReadModel({ db }), now })
  const consoleStore = countStored(createConsoleStore(db, monotonicMs), telemetry)
  const input = createConsoleInput({ db, bus, audit, monotonicMs })
  const consoles = createConsoleService({ db, bus, input, store: consoleStore, monotonicMs, onError })
  const services: Services = {
    auth,
    audit,
    users: createUserService({ db, audit, auth, passwords, readModel: createUserReadModel({ db }) }),
    templates: createTemplateService({ db, audit, readModel: createTemplateReadModel({ db }) }),
    nodes: createNodeService({ db, bus, audit, readModel: createNodeReadModel({ db }), latestSample: metrics.latest }),
    enrolment: createEnrolmentService({ db, bus, audit }),
    allocations: createAllocationService({ db, bus, audit, readModel: createAllocationReadModel({ db }) }),
    servers: createServerService({
      db,
      bus,
      audit,
      samples,
      changes,
      readModel: createServerReadModel({ db }),
      history: createServerHistoryReadModel({ db }),
    }),
    console: consoles,
    consoleArchive: createConsoleArchiveService({
      consoles,
      store: consoleStore,
      readModel: createConsoleReadModel({ db }),
      monotonicMs,
    }),
    consoleSettings: createConsoleSettingsService({ db, bus, audit }),
    metrics,
    installations: createInstallationService({ db, bus }),
  }
  const rollUps = createRollUpStore({ db, now, retention })
  return { bus, services, samples, rollUps, changes, roles: createRoleService({ db }), monotonicMs }
}

/** Of what Prometheus is not shown. */
const toLog = (logger: Logger) => (error: unknown, series: string) => {
  if (isUnavailable(error)) logger.warn({ err: error, series }, 'a series found no database')
  else logger.error({ err: error, series }, 'a series could not be read')
}

/** Opens the services for one piece of administration, without listening to anything. @throws DatabaseNotReadyError */
export async function openAdministration(env: Env): Promise<Administration> {
  const logger = createLogger('silent')
  const telemetry = createTelemetry(toLog(logger))
  const { db } = await openDatabase(env, logger, telemetry)
  const { services } = createServices(db, env, logger, telemetry, () => false)
  return { users: services.users, createEnrolmentToken: services.enrolment.createToken, close: () => db.close() }
}

/**
 * Starts the api. Applies no migrations: it refuses a database that lacks some or has more than it knows.
 * @throws DatabaseNotReadyError; the errors of pg and of listening on the port
 */
export async function createApp(env: Env): Promise<App> {
  const logger = createLogger(env.logLevel)
  const telemetry = createTelemetry(toLog(logger))
  const { db, migrations } = await openDatabase(env, logger, telemetry)
  const listening = { isActive: () => false }
  const { bus, services, samples, rollUps, changes, roles, monotonicMs } = createServices(db, env, logger, telemetry, () =>
    listening.isActive(),
  )
  const cleanUps: (() => Promise<void>)[] = [() => db.close(), () => services.console.close()]
  const stop = async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  }

  const boot = async (): Promise<string> => {
    const instanceId = await readInstanceId(db)
    await roles.seed()
    if (env.administrator !== null && (await services.users.ensureAdministrator(env.administrator)) === 'made')
      logger.info('the first administrator was made')
    await services.templates.importBundled()

    const staticFiles = env.dashboardDir === null ? null : createStaticFiles(env.dashboardDir)
    const now = () => systemClock.now()
    const reports = createServerReports({ bus, samples, changes })
    const gaps = createGapStore({ db, bus })
    const gateway = createAgentGateway({ db, bus, instanceId, ...services, reports, samples, gaps, monotonicMs, log: logger })
    await gateway.start()
    const onExpiryError = (error: unknown) => {
      logger.error({ err: error }, 'commands could not be expired')
    }
    const expiry = createCommandExpiry({ db, bus, reports, now, onError: onExpiryError })
    expiry.start()
    cleanUps.push(() => expiry.stop())
    const publicUrl = new URL(env.publicUrl ?? `http://localhost:${String(env.httpPort)}`)
    const checkOrigin = createOriginCheck(publicUrl)
    const cookies = createSessionCookies({
      instanceId,
      isSecure: publicUrl.protocol === 'https:',
      maxAgeSeconds: LONGEST_SESSION_MS / 1000,
    })
    const identify = createIdentify({ services, cookies })
    const hub = createSubscriptionHub((bytes) => {
      telemetry.countViewerGap(bytes)
    })
    const pipeline = createPipeline({ schema: buildSchema(), hub, logger, telemetry })
    const socket = createGraphqlSocket({ pipeline, services, cookies, checkOrigin, bus, logger })
    const download = createConsoleDownload({ services, identify, checkOrigin, bus, logger })

    const notifications = await listen({
      databaseUrl: env.databaseUrl,
      channel: REVOCATION_CHANNEL,
      logger,
      onNotification: services.auth.applyRevocation,
      onListening: () => {
        services.auth.forgetSessions()
        download.recheck()
        socket.recheck().catch((error: unknown) => {
          logger.error({ err: error }, 'sessions could not be checked')
        })
      },
    })
    listening.isActive = notifications.isListening
    cleanUps.push(() => notifications.stop())

    const readiness = async () => {
      const timeout = AbortSignal.timeout(READINESS_TIMEOUT_MS)
      const late = new Promise<string>((resolve) => {
        timeout.addEventListener('abort', () => {
          resolve('the database does not answer')
        })
      })
      const state = readMigrationState(db.pool, migrations).then(problemOfMigrations, () => 'the database cannot be reached')
      return Promise.race([state, late])
    }
    const onMetricsError = (error: unknown) => {
      logger.error({ err: error }, 'Prometheus could not be answered')
    }
    watchProduct({
      telemetry,
      db,
      bus,
      servers: services.servers,
      viewerCount: services.metrics.viewerCount,
      hub,
      consoleBytes: gateway.consoleBytes,
      unreadBytes: socket.waitingBytes,
      onError: onMetricsError,
    })
    const prometheus = createMetricsEndpoint(telemetry.render, env.prometheus?.token ?? null)
    if (env.prometheus?.listen != null) {
      const server = await listenForMetrics(prometheus, env.prometheus.listen, onMetricsError)
      cleanUps.push(() => server.stop())
    }
    const http = createHttpServer({
      graphql: createGraphqlHttp({ pipeline, services, cookies, identify, checkOrigin }),
      consoleDownload: download.handle,
      graphqlUpgrade: socket.handleUpgrade,
      agentUpgrade: gateway.handleUpgrade,
      checkOrigin,
      readiness,
      metrics: env.prometheus?.listen === null ? prometheus : null,
      staticFiles,
      headers: securityHeaders({ publicUrl, scriptHashes: staticFiles?.scriptHashes ?? [] }),
      logger,
    })
    // Together: the server waits for its sockets, also for those that became WebSockets.
    cleanUps.push(async () => {
      await Promise.all([http.stop(), socket.stop(), gateway.stop()])
    })
    const port = await http.listen(env.host, env.httpPort)
    const scheduler = await startScheduler({
      databaseUrl: env.databaseUrl,
      mongodbUrl: env.mongodbUrl,
      jobs: createJobs({ db, now, auth: services.auth, rollUps, consoles: createConsoleRetention({ db, now }) }),
      onOutcome: ({ name, seconds, isWell }) => {
        telemetry.observeJob(name, seconds, isWell)
      },
      onError: (error, job) => {
        logger.warn({ err: error, job }, 'the scheduler met an error')
      },
    })
    cleanUps.push(() => scheduler.stop())
    logger.info({ host: env.host, port }, 'listening')
    return `http://${env.host.includes(':') ? `[${env.host}]` : env.host}:${String(port)}`
  }

  try {
    return { url: await boot(), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
