import SchemaBuilder from '@pothos/core'
import ComplexityPlugin from '@pothos/plugin-complexity'
import ErrorsPlugin from '@pothos/plugin-errors'
import ScopeAuthPlugin, { AuthScopeFailureType, type AuthFailure } from '@pothos/plugin-scope-auth'
import { DomainError, ForbiddenError, UnauthenticatedError } from '../lib/errors.ts'
import { isPermission, type Permission } from '../lib/permissions.ts'
import type { Context } from './context.ts'
import { COMPLEXITY_LIMITS } from './limits.ts'

/** Type parameters of the public schema; `t.field` without `nullable` is non-null. */
export type SchemaTypes = {
  Context: Context
  DefaultFieldNullability: false
  DefaultAuthStrategy: 'all'
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    SafeInt: { Input: number; Output: number | bigint }
  }
  /** Every root field names one of them. `public` needs nobody; `permission` needs a signed-in user who has it. */
  AuthScopes: { public: boolean; signedIn: boolean; permission: Permission }
}

/** The permission that was missing, wherever it stands in a combined failure. */
function missingPermission(failure: AuthFailure): Permission | null {
  if (failure.kind === AuthScopeFailureType.AuthScope) {
    const { parameter } = failure
    return failure.scope === 'permission' && typeof parameter === 'string' && isPermission(parameter) ? parameter : null
  }
  if (failure.kind === AuthScopeFailureType.AllAuthScopes || failure.kind === AuthScopeFailureType.AnyAuthScopes) {
    for (const inner of failure.failures) {
      const permission = missingPermission(inner)
      if (permission !== null) return permission
    }
  }
  return null
}

/**
 * Builder of the public schema. No Relay and no Prisma plugin: read models return rows shaped like the types, and a
 * `Node` is a machine here. Errors stands before ScopeAuth, so that a refusal is a top-level error, never a union member.
 */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  errors: {
    directResult: true,
    defaultTypes: [],
    defaultUnionOptions: { name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result` },
  },
  scopeAuth: {
    defaultStrategy: 'all',
    authorizeOnSubscribe: true,
    authScopes: ({ actor }) => ({
      public: true,
      signedIn: actor !== null,
      permission: (permission) => actor?.permissions.has(permission) ?? false,
    }),
    unauthorizedError: (_parent, context, _info, result) =>
      context.actor === null ? new UnauthenticatedError() : new ForbiddenError(missingPermission(result.failure)),
    treatErrorsAsUnauthorized: false,
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 5,
    limit: COMPLEXITY_LIMITS,
    complexityError: (kind) => new DomainError('LIMIT_EXCEEDED', `The operation is too large: ${kind.toLowerCase()}.`),
  },
})

builder.queryType({})
builder.mutationType({})
builder.subscriptionType({})
