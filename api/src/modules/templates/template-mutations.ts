import { builder } from '../../graphql/builder.ts'
import { actorOf } from '../../graphql/context.ts'
import { TemplateInvalidError, ValidationError } from '../../lib/errors.ts'
import type { TemplateView } from './template-read-model.ts'
import { TemplateType } from './template-types.ts'

const ImportTemplateInput = builder.inputType('ImportTemplateInput', {
  fields: (t) => ({
    source: t.string({ required: true, description: 'YAML or JSON as templates/template.schema.json describes it, at most 256 KiB.' }),
  }),
})

const ImportTemplateSuccess = builder.objectRef<{ template: TemplateView }>('ImportTemplateSuccess').implement({
  fields: (t) => ({ template: t.expose('template', { type: TemplateType }) }),
})

builder.mutationField('importTemplate', (t) =>
  t.field({
    description: 'Adds a template, or replaces the one of the same slug.',
    type: ImportTemplateSuccess,
    authScopes: { permission: 'template:import' },
    errors: { types: [ValidationError, TemplateInvalidError] },
    args: { input: t.arg({ type: ImportTemplateInput, required: true }) },
    resolve: async (_root, { input }, context) => ({ template: await context.services.templates.import(actorOf(context), input.source) }),
  }),
)
