import { SERVER_STATUSES } from '../lib/server-status.ts'
import { builder } from './builder.ts'

// Enums that more than one module needs.

export const ServerStatusEnum = builder.enumType('ServerStatus', {
  description: 'The one word people see, derived. UNKNOWN while the node is away. DELETING until the node confirmed.',
  values: SERVER_STATUSES,
})

export const PortProtocolEnum = builder.enumType('PortProtocol', { values: ['TCP', 'UDP', 'BOTH'] as const })

export const ExitReasonEnum = builder.enumType('ExitReason', {
  values: ['STOPPED', 'CRASHED', 'OUT_OF_MEMORY', 'KILLED', 'UNKNOWN'] as const,
})

export const OrderDirectionEnum = builder.enumType('OrderDirection', { values: ['ASC', 'DESC'] as const })
