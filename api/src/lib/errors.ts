import type { Permission } from './permissions.ts'
import type { ServerStatus } from './server-status.ts'

/** An outcome that callers are told about, with a code that clients translate. Everything else thrown is a bug. */
export class DomainError extends Error {
  override readonly name: string = 'DomainError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Unknown or not visible: the two are never told apart. */
export class NotFoundError extends DomainError {
  override readonly name = 'NotFoundError'

  /** @param what begins the message, such as `The server` */
  constructor(what = 'It') {
    super('NOT_FOUND', `${what} was not found.`)
  }
}

/** One rule that one part of an input breaks; `path` begins at `input`'s own fields. */
export type FieldProblem = { path: string[]; message: string; code: string }

export class ValidationError extends DomainError {
  override readonly name = 'ValidationError'
  readonly fields: FieldProblem[]

  constructor(fields: FieldProblem[]) {
    super('VALIDATION', fields.map((field) => `${field.path.join('.')}: ${field.message}`).join('; ') || 'The input is not valid.')
    this.fields = fields
  }
}

/** The server's state does not allow it. */
export class StateConflictError extends DomainError {
  override readonly name = 'StateConflictError'
  readonly status: ServerStatus

  constructor(status: ServerStatus, message: string) {
    super('CONFLICT', message)
    this.status = status
  }
}

export type UnavailablePort = { path: string[]; ip: string; port: number; nextFreePort: number | null; takenBy: string | null }

/** Another server has the port, or the node has none such. `takenBy` is null for those who may not see the other server. */
export class PortUnavailableError extends DomainError {
  override readonly name = 'PortUnavailableError'
  readonly path: string[]
  readonly ip: string
  readonly port: number
  readonly nextFreePort: number | null
  readonly takenBy: string | null

  constructor(unavailable: UnavailablePort, message = `Port ${unavailable.port} is not free.`) {
    super('PORT_UNAVAILABLE', message)
    this.path = unavailable.path
    this.ip = unavailable.ip
    this.port = unavailable.port
    this.nextFreePort = unavailable.nextFreePort
    this.takenBy = unavailable.takenBy
  }
}

/** No node, or not the named one, has room. */
export class CapacityError extends DomainError {
  override readonly name = 'CapacityError'

  constructor(message: string) {
    super('NO_CAPACITY', message)
  }
}

/** It needs the node now, and the node is away. */
export class NodeOfflineError extends DomainError {
  override readonly name = 'NodeOfflineError'

  constructor(message = 'The node is offline.') {
    super('NODE_OFFLINE', message)
  }
}

/** Servers are not placed on a node in maintenance. */
export class NodeMaintenanceError extends DomainError {
  override readonly name = 'NodeMaintenanceError'

  constructor(node: string) {
    super('NODE_MAINTENANCE', `The node ${node} is in maintenance: it takes no new servers.`)
  }
}

/** Servers are on the node, those included that it still has to remove. */
export class NodeInUseError extends DomainError {
  override readonly name = 'NodeInUseError'
  readonly serverCount: number

  constructor(node: string, serverCount: number) {
    super('NODE_IN_USE', `The node ${node} has ${serverCount === 1 ? 'a server' : `${String(serverCount)} servers`}: delete them first.`)
    this.serverCount = serverCount
  }
}

/** A port of the stock that a server has. `takenBy` is null for those who may not see the server. */
export type UsedAllocation = { id: string; ip: string; port: number; takenBy: string | null }

/** Ports that servers have stay in the stock. */
export class AllocationInUseError extends DomainError {
  override readonly name = 'AllocationInUseError'
  readonly allocations: UsedAllocation[]

  constructor(allocations: UsedAllocation[]) {
    const [first] = allocations
    const more = allocations.length > 1 ? ` and ${String(allocations.length - 1)} more` : ''
    super(
      'ALLOCATION_IN_USE',
      `${first === undefined ? 'A port' : `Port ${String(first.port)}`}${more} cannot be removed while a server has it.`,
    )
    this.allocations = allocations
  }
}

/** The same idempotency key came with another input. */
export class IdempotencyConflictError extends DomainError {
  override readonly name = 'IdempotencyConflictError'

  constructor(message = 'This idempotency key was used with another input.') {
    super('IDEMPOTENCY_CONFLICT', message)
  }
}

export class InvalidCredentialsError extends DomainError {
  override readonly name = 'InvalidCredentialsError'

  constructor() {
    super('INVALID_CREDENTIALS', 'E-mail or password is wrong.')
  }
}

export class RateLimitedError extends DomainError {
  override readonly name = 'RateLimitedError'
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number, message = 'Too many attempts.') {
    super('RATE_LIMITED', message)
    this.retryAfterSeconds = Math.max(1, Math.ceil(retryAfterSeconds))
  }
}

export class TemplateInvalidError extends DomainError {
  override readonly name = 'TemplateInvalidError'
  readonly fields: FieldProblem[]

  constructor(fields: FieldProblem[]) {
    super(
      'TEMPLATE_INVALID',
      `The template breaks rules of its format: ${fields.map((field) => `${field.path.join('.')} ${field.message}`).join('; ')}`,
    )
    this.fields = fields
  }
}

/** Visible, but not allowed: a top-level error with `extensions.permission`. */
export class ForbiddenError extends DomainError {
  override readonly name = 'ForbiddenError'
  readonly permission: Permission | null

  constructor(permission: Permission | null = null) {
    super('FORBIDDEN', permission === null ? 'Not allowed.' : `This needs the permission ${permission}.`)
    this.permission = permission
  }
}

/** The database cannot do it now, and may in a moment: a top-level error. */
export class ServiceUnavailableError extends DomainError {
  override readonly name = 'ServiceUnavailableError'

  constructor() {
    super('SERVICE_UNAVAILABLE', 'The database does not answer. Try again in a moment.')
  }
}

/** Nobody is signed in: a top-level error. */
export class UnauthenticatedError extends DomainError {
  override readonly name = 'UnauthenticatedError'

  constructor(message = 'Sign in first.') {
    super('UNAUTHENTICATED', message)
  }
}
