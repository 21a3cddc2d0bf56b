import type { GraphQLSchema } from 'graphql'
import { builder } from './builder.ts'
import './scalars.ts'
import './errors.ts'
import '../modules/allocations/index.ts'
import '../modules/auth/index.ts'
import '../modules/console/index.ts'
import '../modules/installations/index.ts'
import '../modules/metrics/index.ts'
import '../modules/console/index.ts'
import '../modules/installations/index.ts'
import '../modules/metrics/index.ts'
import '../modules/nodes/index.ts'
import '../modules/servers/index.ts'
import '../modules/servers/index.ts'
import '../modules/templates/index.ts'
import '../modules/users/index.ts'

/** The public schema. Each module adds its part by being imported. */
export function buildSchema(): GraphQLSchema {
  return builder.toSchema()
}
