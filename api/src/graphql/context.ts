import type { AuthService } from '../modules/auth/auth-service.ts'
import type { AuditService } from '../modules/audit/audit-service.ts'
import type { ConsoleArchiveService } from '../modules/console/console-archive-service.ts'
import type { ConsoleService } from '../modules/console/console-service.ts'
import type { ConsoleSettingsService } from '../modules/console/console-settings-service.ts'
import type { InstallationService } from '../modules/installations/installation-service.ts'
import type { MetricsService } from '../modules/metrics/metrics-service.ts'
import type { AllocationService } from '../modules/allocations/allocation-service.ts'
import type { EnrolmentService } from '../modules/nodes/enrolment-service.ts'
import type { NodeService } from '../modules/nodes/node-service.ts'
import type { ServerService } from '../modules/servers/server-service.ts'
import type { TemplateService } from '../modules/templates/template-service.ts'
import type { UserService } from '../modules/users/user-service.ts'
import type { UserActor } from '../lib/actor.ts'
import { UnauthenticatedError } from '../lib/errors.ts'
import type { Outlet } from './outlet.ts'

/** Everything resolvers may call. Built once, in app.ts. */
export type Services = {
  auth: AuthService
  audit: AuditService
  users: UserService
  templates: TemplateService
  nodes: NodeService
  enrolment: EnrolmentService
  allocations: AllocationService
  servers: ServerService
  console: ConsoleService
  consoleArchive: ConsoleArchiveService
  consoleSettings: ConsoleSettingsService
  metrics: MetricsService
  installations: InstallationService
}

/** Answers over HTTP can set the session cookie; sockets cannot. */
export type SessionCookie = {
  set(token: string): void
  clear(): void
}

/** Made for every operation, on HTTP and WebSocket alike. */
export type Context = {
  /** Who is signed in; null is nobody. */
  actor: UserActor | null
  services: Services
  /** In the log and in the answer to an unexpected error. */
  requestId: string
  /** Remote address of the connection; never taken from a header. */
  address: string | null
  userAgent: string | null
  /** null on a WebSocket. */
  cookie: SessionCookie | null
  /** Where shared events of a subscription go; null over HTTP. */
  outlet: Outlet | null
  /** Ends with the request or the socket's operation. */
  signal: AbortSignal
}

/** The signed-in user of a field whose scope is `signedIn` or a permission. */
export function actorOf(context: Context): UserActor {
  if (context.actor === null) throw new UnauthenticatedError()
  return context.actor
}
