import { builder } from '../../graphql/builder.ts'
import { connectionType } from '../../graphql/connection.ts'
import { ResourceLimitsType } from '../../graphql/resource-limits.ts'
import type { NodeView } from './node-read-model.ts'

export const NodeType = builder.objectRef<NodeView>('Node').implement({
  description: 'A machine that runs servers.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    address: t.exposeString('address', { description: 'Games are published on it.' }),
    isOnline: t.exposeBoolean('isOnline'),
    lastSeenAt: t.expose('lastSeenAt', { type: 'DateTime', nullable: true }),
    agentVersion: t.exposeString('agentVersion', { nullable: true }),
    capacity: t.expose('capacity', {
      type: ResourceLimitsType,
      nullable: true,
      description: "What it gives to servers; null until its agent's first hello.",
    }),
    allocated: t.expose('allocated', { type: ResourceLimitsType, description: 'What is promised to servers.' }),
  }),
})

export const NodeConnection = connectionType('Node', NodeType)

export const PortAddressType = builder.objectRef<{ ip: string; port: number }>('PortAddress').implement({
  fields: (t) => ({ ip: t.exposeString('ip'), port: t.exposeInt('port') }),
})
