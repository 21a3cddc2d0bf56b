import {
  AllocationInUseError,
  CapacityError,
  IdempotencyConflictError,
  InvalidCredentialsError,
  NodeInUseError,
  NodeMaintenanceError,
  NodeOfflineError,
  NotFoundError,
  PortUnavailableError,
  RateLimitedError,
  StateConflictError,
  TemplateInvalidError,
  ValidationError,
  type DomainError,
  type FieldProblem,
  type UsedAllocation,
} from '../lib/errors.ts'
import { builder } from './builder.ts'
import { ServerStatusEnum } from './enums.ts'

// Typed errors of mutations. A service throws the class; `errors: { types: [Class] }` of the field makes it a union member.

export const ErrorInterface = builder.interfaceRef<Pick<DomainError, 'code' | 'message'>>('Error').implement({
  description: 'What every typed error has. `code` is stable, for translations; `message` is for people who read English.',
  fields: (t) => ({ code: t.exposeString('code'), message: t.exposeString('message') }),
})

const FieldErrorType = builder.objectRef<FieldProblem>('FieldError').implement({
  description: 'One rule that one part of the input breaks.',
  fields: (t) => ({ path: t.exposeStringList('path'), message: t.exposeString('message'), code: t.exposeString('code') }),
})

builder.objectType(NotFoundError, { name: 'NotFoundError', interfaces: [ErrorInterface] })
builder.objectType(CapacityError, { name: 'CapacityError', interfaces: [ErrorInterface] })
builder.objectType(NodeMaintenanceError, { name: 'NodeMaintenanceError', interfaces: [ErrorInterface] })
builder.objectType(NodeInUseError, {
  name: 'NodeInUseError',
  description: 'Servers are on the node, those included that it still has to remove.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ serverCount: t.exposeInt('serverCount') }),
})
builder.objectType(NodeOfflineError, { name: 'NodeOfflineError', interfaces: [ErrorInterface] })
builder.objectType(IdempotencyConflictError, { name: 'IdempotencyConflictError', interfaces: [ErrorInterface] })
builder.objectType(InvalidCredentialsError, { name: 'InvalidCredentialsError', interfaces: [ErrorInterface] })
builder.objectType(ValidationError, {
  name: 'ValidationError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ fields: t.expose('fields', { type: [FieldErrorType] }) }),
})
builder.objectType(TemplateInvalidError, {
  name: 'TemplateInvalidError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ fields: t.expose('fields', { type: [FieldErrorType] }) }),
})
builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  interfaces: [ErrorInterface],
  fields: (t) => ({ retryAfterSeconds: t.exposeInt('retryAfterSeconds') }),
})
builder.objectType(StateConflictError, {
  name: 'StateConflictError',
  description: "The server's state does not allow it: not installed, being installed, being deleted, node in another state.",
  interfaces: [ErrorInterface],
  fields: (t) => ({ status: t.expose('status', { type: ServerStatusEnum }) }),
})
builder.objectType(PortUnavailableError, {
  name: 'PortUnavailableError',
  description: 'Another server has the port, or the node has none such.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    path: t.exposeStringList('path'),
    ip: t.exposeString('ip'),
    port: t.exposeInt('port'),
    nextFreePort: t.exposeInt('nextFreePort', { nullable: true }),
    takenBy: t.exposeString('takenBy', { nullable: true, description: 'Name of the server that has it, for those who may see it.' }),
  }),
})

const UsedAllocationType = builder.objectRef<UsedAllocation>('UsedAllocation').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    ip: t.exposeString('ip'),
    port: t.exposeInt('port'),
    takenBy: t.exposeString('takenBy', { nullable: true, description: 'Name of the server that has it, for those who may see it.' }),
  }),
})
builder.objectType(AllocationInUseError, {
  name: 'AllocationInUseError',
  description: 'Servers have these ports; nothing was removed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ allocations: t.expose('allocations', { type: [UsedAllocationType] }) }),
})
