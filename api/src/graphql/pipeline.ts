import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
  type ParseOptions,
} from 'graphql'
import { createYoga, handleStreamOrSingleExecutionResult, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import { createGate, type Gate } from '../lib/gate.ts'
import type { Context } from './context.ts'
import { asksForSchema } from './introspection.ts'
import { MAX_TOKENS } from './limits.ts'
import { limitsRule } from './limits-rule.ts'
import { createMaskError } from './mask-error.ts'
import type { SubscriptionHub } from './subscription-hub.ts'
import { useTelemetry } from '../telemetry/graphql-telemetry.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'

/** What both transports give to every operation. */
export type ServerContext = { catalyst: Context }

/** Yoga as the one pipeline of HTTP and WebSocket: parser, limits, execution and masking are the same on both. */
export type Pipeline = YogaServerInstance<ServerContext, Context>

/** Limits sit on parse, validate and execute, never on requests: those hooks do not run for sockets. */
function useLimits(): Plugin<Context> {
  return {
    onParse: ({ params }) => {
      const options: ParseOptions = { maxLexicalTokens: MAX_TOKENS }
      params.options = options
    },
    onValidate: ({ addValidationRule }) => {
      addValidationRule(limitsRule)
    },
  }
}

/** The schema is for those who signed in, third parties included; nobody else gets a map of the product. */
function useIntrospectionPolicy(): Plugin<Context> {
  return {
    onExecute: ({ args, setResultAndStopExecution }) => {
      if (args.contextValue.actor !== null || !asksForSchema(args.document as DocumentNode)) return
      setResultAndStopExecution({ errors: [new GraphQLError('Sign in to read the schema.', { extensions: { code: 'UNAUTHENTICATED' } })] })
    },
  }
}

/** Streams go over WebSocket, where they have bounds and end with their session; an answer to a POST would have neither. */
function useTransportPolicy(): Plugin<Context> {
  return {
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      if (args.contextValue.cookie === null) return
      setResultAndStopExecution({
        errors: [new GraphQLError('Subscriptions run over WebSocket.', { extensions: { code: 'WEBSOCKET_NEEDED' } })],
      })
    },
  }
}

const isMutation = ({ document, operationName }: ExecutionArgs) =>
  getOperationAST(document, operationName)?.operation === OperationTypeNode.MUTATION

/** Times as many connections as the widest mutation takes, it must stay below the pool of the database. */
const MUTATIONS_AT_ONCE = 3

/** The changes of one user wait for each other: whoever asks for a thousand at once does not take the database from others. */
function useTurns(): Plugin<Context> {
  const gates = new Map<string, { pass: Gate; count: number }>()
  return {
    onExecute: ({ args, executeFn, setExecuteFn }) => {
      const userId = args.contextValue.actor?.id
      if (userId === undefined || !isMutation(args)) return
      const gate = gates.get(userId) ?? { pass: createGate(MUTATIONS_AT_ONCE), count: 0 }
      gates.set(userId, gate)
      gate.count += 1
      setExecuteFn(async (mutation: ExecutionArgs) => {
        try {
          return await gate.pass<ExecutionResult>(async () => executeFn(mutation) as Promise<ExecutionResult>)
        } finally {
          gate.count -= 1
          if (gate.count === 0) gates.delete(userId)
        }
      })
    },
  }
}

/** Masks with the operation's own request id, in single answers and in every event of a stream. */
function useMasking(logger: Logger): Plugin<Context> {
  const maskError = createMaskError(logger)
  const maskAll = ({
    args,
    result,
    setResult,
  }: {
    args: { contextValue: Context }
    result: ExecutionResult
    setResult: (result: ExecutionResult) => void
  }) => {
    if (result.errors === undefined) return
    setResult({ ...result, errors: result.errors.map((error) => maskError(error, args.contextValue.requestId)) })
  }
  return {
    onExecute: () => ({
      onExecuteDone: (payload) => handleStreamOrSingleExecutionResult(payload, maskAll),
    }),
    onSubscribe: ({ args }) => ({
      onSubscribeResult: (payload) => handleStreamOrSingleExecutionResult(payload, maskAll),
      onSubscribeError: ({ error, setError }) => {
        setError(maskError(error, args.contextValue.requestId))
      },
    }),
  }
}

/** Subscriptions whose events are the same for all share their executions. */
function useSharing(hub: SubscriptionHub): Plugin<Context> {
  return {
    onSubscribe: ({ args, setSubscribeFn }) => {
      if (hub.shares(args)) setSubscribeFn(hub.subscribe as never)
    },
  }
}

export type PipelineDeps = { schema: GraphQLSchema; hub: SubscriptionHub; logger: Logger; telemetry: Telemetry }

export function createPipeline({ schema, hub, logger, telemetry }: PipelineDeps): Pipeline {
  return createYoga<ServerContext, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    context: ({ catalyst }) => catalyst,
    plugins: [
      useLimits(),
      useIntrospectionPolicy(),
      useTransportPolicy(),
      useTurns(),
      useSharing(hub),
      useTelemetry(telemetry),
      useMasking(logger),
    ],
    // Masks what fails outside of execution.
    maskedErrors: { errorMessage: 'Something unexpected went wrong.', isDev: false },
    // The HTTP side answers CORS, health and pages itself; other origins get nothing.
    cors: false,
    graphiql: false,
    landingPage: false,
    batching: false,
    multipart: false,
    logging: {
      debug: () => undefined,
      info: () => undefined,
      warn: (...args) => {
        logger.warn({ args }, 'yoga')
      },
      error: (...args) => {
        logger.error({ args }, 'yoga')
      },
    },
  })
}
