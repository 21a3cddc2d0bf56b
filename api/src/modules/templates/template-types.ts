import { builder } from '../../graphql/builder.ts'
import { connectionType } from '../../graphql/connection.ts'
import { PortProtocolEnum } from '../../graphql/enums.ts'
import { ResourceLimitsType } from '../../graphql/resource-limits.ts'
import type { TemplateView } from './template-read-model.ts'
import type { TemplatePort, TemplateVariable } from './template-spec.ts'

const PROTOCOLS = { tcp: 'TCP', udp: 'UDP', both: 'BOTH' } as const
const VARIABLE_TYPES = { string: 'STRING', integer: 'INTEGER', boolean: 'BOOLEAN', choice: 'CHOICE' } as const

const TemplatePortType = builder.objectRef<TemplatePort>('TemplatePort').implement({
  description: 'A port that servers of this template get.',
  fields: (t) => ({
    name: t.exposeString('name'),
    protocol: t.field({ type: PortProtocolEnum, resolve: (port) => PROTOCOLS[port.protocol] }),
    summary: t.exposeString('summary'),
    isPrimary: t.exposeBoolean('primary'),
  }),
})

const TemplateVariableTypeEnum = builder.enumType('TemplateVariableType', { values: Object.values(VARIABLE_TYPES) })

const TemplateVariableObject = builder.objectRef<TemplateVariable>('TemplateVariable').implement({
  description: 'What can be set for each server, with the rules of its values. All values are text; a boolean is 0 or 1.',
  fields: (t) => ({
    name: t.exposeString('name'),
    title: t.exposeString('title'),
    summary: t.exposeString('summary'),
    type: t.field({ type: TemplateVariableTypeEnum, resolve: (variable) => VARIABLE_TYPES[variable.type] }),
    defaultValue: t.exposeString('default'),
    isRequired: t.exposeBoolean('required', { description: 'An empty value is refused.' }),
    isEditable: t.exposeBoolean('isEditable'),
    minimum: t.int({ nullable: true, resolve: ({ minimum }) => minimum ?? null }),
    maximum: t.int({ nullable: true, resolve: ({ maximum }) => maximum ?? null }),
    minLength: t.int({ nullable: true, resolve: ({ minLength }) => minLength ?? null }),
    maxLength: t.int({ nullable: true, resolve: ({ maxLength }) => maxLength ?? null }),
    pattern: t.string({ nullable: true, description: 'The whole value matches it.', resolve: ({ pattern }) => pattern ?? null }),
    choices: t.stringList({ nullable: true, resolve: ({ choices }) => choices ?? null }),
  }),
})

export const TemplateType = builder.objectRef<TemplateView>('Template').implement({
  description: 'A recipe to create servers.',
  fields: (t) => ({
    id: t.exposeID('id'),
    slug: t.exposeString('slug', { description: 'Identity of the recipe: importing the same slug again replaces it.' }),
    name: t.exposeString('name'),
    version: t.exposeString('version'),
    summary: t.exposeString('summary'),
    recommended: t.field({ type: ResourceLimitsType, resolve: ({ spec }) => spec.recommended }),
    ports: t.field({ type: [TemplatePortType], resolve: ({ spec }) => spec.ports }),
    variables: t.field({ type: [TemplateVariableObject], resolve: ({ spec }) => spec.variables }),
    isBundled: t.exposeBoolean('isBundled', { description: 'It came with the product.' }),
    source: t.exposeString('source', {
      description: 'The text as imported; needs template:read-source.',
      authScopes: { permission: 'template:read-source' },
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
})

export const TemplateConnection = connectionType('Template', TemplateType)
