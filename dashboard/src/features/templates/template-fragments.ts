import { graphql } from '../../gql/index.ts'
import type { ServerCreatePageQuery, TemplateVariables_TemplateFragment } from '../../gql/graphql.ts'

/** What a template asks of who makes or changes a server of it. */
export const TemplateVariables = graphql(`
  fragment TemplateVariables_Template on Template {
    variables {
      name
      title
      summary
      type
      defaultValue
      isRequired
      isEditable
      minimum
      maximum
      minLength
      maxLength
      pattern
      choices
    }
  }
`)

/** A template as the form of a new server has it. */
export type TemplateView = ServerCreatePageQuery['templates']['nodes'][number] & TemplateVariables_TemplateFragment
