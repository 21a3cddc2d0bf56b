import { GraphQLError, Kind, type ASTVisitor, type FragmentDefinitionNode, type SelectionSetNode, type ValidationContext } from 'graphql'
import { MAX_ALIASES, MAX_DEPTH, MAX_DIRECTIVES, MAX_FIELDS } from './limits.ts'

/** Size of a selection after its fragments have been put in. */
type Size = { fields: number; aliases: number; depth: number }

const refused = (what: string, limit: number) =>
  new GraphQLError(`The operation is too large: more than ${limit} ${what}.`, { extensions: { code: 'LIMIT_EXCEEDED' } })

/**
 * Measures selections. Each fragment is measured once, so fragments that spread each other twice over and over, which would
 * grow without bounds when put in, cost nothing to refuse.
 */
function createMeasure(fragmentOf: (name: string) => FragmentDefinitionNode | null | undefined) {
  const known = new Map<string, Size>()
  const open = new Set<string>()

  const measureFragment = (name: string): Size => {
    const size = known.get(name)
    if (size !== undefined) return size
    const fragment = fragmentOf(name)
    // Cycles and unknown names are refused by rules of their own.
    if (fragment == null || open.has(name)) return { fields: 0, aliases: 0, depth: 0 }
    open.add(name)
    const measured = measure(fragment.selectionSet)
    open.delete(name)
    known.set(name, measured)
    return measured
  }

  const measure = (selections: SelectionSetNode): Size => {
    const total: Size = { fields: 0, aliases: 0, depth: 0 }
    for (const selection of selections.selections) {
      if (selection.kind === Kind.FIELD) {
        const inner = selection.selectionSet === undefined ? null : measure(selection.selectionSet)
        total.fields += 1 + (inner?.fields ?? 0)
        total.aliases += (selection.alias === undefined ? 0 : 1) + (inner?.aliases ?? 0)
        total.depth = Math.max(total.depth, 1 + (inner?.depth ?? 0))
      } else {
        const inner = selection.kind === Kind.FRAGMENT_SPREAD ? measureFragment(selection.name.value) : measure(selection.selectionSet)
        total.fields += inner.fields
        total.aliases += inner.aliases
        total.depth = Math.max(total.depth, inner.depth)
      }
    }
    return total
  }
  return measure
}

/** Validation rule that bounds depth, fields, aliases and directives of each operation. */
export function limitsRule(context: ValidationContext): ASTVisitor {
  const measure = createMeasure((name) => context.getFragment(name))
  let directives = 0
  return {
    Directive() {
      directives += 1
      if (directives === MAX_DIRECTIVES + 1) context.reportError(refused('directives', MAX_DIRECTIVES))
    },
    OperationDefinition(operation) {
      const { fields, aliases, depth } = measure(operation.selectionSet)
      if (depth > MAX_DEPTH) context.reportError(refused('levels', MAX_DEPTH))
      if (fields > MAX_FIELDS) context.reportError(refused('fields', MAX_FIELDS))
      if (aliases > MAX_ALIASES) context.reportError(refused('aliases', MAX_ALIASES))
    },
  }
}
