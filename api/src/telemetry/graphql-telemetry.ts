import { getOperationAST, Kind, type DocumentNode, type ExecutionResult } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Context } from '../graphql/context.ts'
import type { Operation, Telemetry } from './telemetry.ts'

type Args = { document: DocumentNode; operationName?: string | null | undefined }

/** Kind and first root field: names of fields are few and ours, names of operations are anybody's. */
function nameOf({ document, operationName }: Args): { operation: Operation; field: string } {
  const definition = getOperationAST(document, operationName)
  const [first] = definition?.selectionSet.selections ?? []
  return { operation: definition?.operation ?? 'query', field: first?.kind === Kind.FIELD ? first.name.value : 'other' }
}

const isResult = (result: unknown): result is ExecutionResult =>
  typeof result === 'object' && result !== null && !(Symbol.asyncIterator in result)

/** Times every operation that was found valid, on both transports, and counts open subscriptions. */
export function useTelemetry(telemetry: Telemetry): Plugin<Context> {
  return {
    onExecute: ({ args }) => {
      const started = performance.now()
      return {
        onExecuteDone: ({ result }) => {
          const { operation, field } = nameOf(args)
          const isWell = isResult(result) && result.errors === undefined
          telemetry.observeGraphql(operation, field, (performance.now() - started) / 1000, isWell)
        },
      }
    },
    onSubscribe: ({ args }) => {
      const started = performance.now()
      const { operation, field } = nameOf(args)
      return {
        onSubscribeResult: ({ result }) => {
          const isOpen = Symbol.asyncIterator in result
          telemetry.observeGraphql(operation, field, (performance.now() - started) / 1000, isOpen)
          if (!isOpen) return undefined
          return { onEnd: telemetry.openSubscription(field) }
        },
      }
    },
  }
}
