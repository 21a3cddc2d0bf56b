import {
  createSourceEventStream,
  execute,
  getOperationAST,
  Kind,
  print,
  visit,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type FieldNode,
  type SelectionSetNode,
} from 'graphql'
import { LiveStream, type Positioned } from '../lib/live-stream.ts'
import type { Context } from './context.ts'
import type { Outlet } from './outlet.ts'

/** Arguments that say where a stream begins: they do not tell executions apart. */
const START_ARGUMENTS = new Set(['after', 'tailLines'])
/** A client that has more than this to read gets nothing more until it has read it. */
const MOST_WAITING_BYTES = 8 * 2 ** 20
/** One that has missed more than this while it did not read goes on further on, and is told so. */
const MOST_MISSED = 8 * 2 ** 20

type Results = AsyncGenerator<ExecutionResult, void, void>

type Member = {
  outlet: Outlet
  /** Of the next event it wants. */
  position: number
  /** Reads history, or does not read at all: live events are left out, and read from history later. */
  isAway: boolean
  isOver(): boolean
  end(error: Error | null): void
}

/** One execution with all who share it. */
type Group = { key: string; members: Set<Member>; stream: LiveStream; args: ExecutionArgs; leave: () => void }

export type SubscriptionHub = {
  /** Whether an operation asks for a field whose events are shared. */
  shares(args: ExecutionArgs): boolean
  /** In place of graphql-js' `subscribe` for such an operation. */
  subscribe(args: ExecutionArgs): Promise<Results | ExecutionResult>
  /** For metrics. */
  stats(): { groups: number; members: number }
}

/** The one root field of a subscription, wherever it is written. */
function rootFieldOf({ document, operationName }: ExecutionArgs): FieldNode | null {
  const fieldIn = (selections: SelectionSetNode | undefined): FieldNode | null => {
    const [first] = selections?.selections ?? []
    if (first === undefined || first.kind === Kind.FIELD) return first ?? null
    if (first.kind === Kind.INLINE_FRAGMENT) return fieldIn(first.selectionSet)
    const fragment = document.definitions.find(
      (definition) => definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === first.name.value,
    )
    return fragment?.kind === Kind.FRAGMENT_DEFINITION ? fieldIn(fragment.selectionSet) : null
  }
  return fieldIn(getOperationAST(document, operationName)?.selectionSet)
}

/** Equal for operations that get the same bytes: the document and its variables without the start, the topic, the rights. */
function keyOf(args: ExecutionArgs, topic: string): string {
  const starts = new Set<string>()
  const others = new Set<string>()
  const startNodes = new Set(rootFieldOf(args)?.arguments?.filter((argument) => START_ARGUMENTS.has(argument.name.value)))
  const document: DocumentNode = visit(args.document, {
    VariableDefinition: () => false,
    Argument(argument) {
      if (!startNodes.has(argument)) return undefined
      if (argument.value.kind === Kind.VARIABLE) starts.add(argument.value.name.value)
      return null
    },
    Variable(variable) {
      others.add(variable.name.value)
    },
  })
  const tells = (name: string) => !starts.has(name) || others.has(name)
  const variables = Object.entries(args.variableValues ?? {}).filter(([name]) => tells(name))
  // Definitions hold defaults; those of the start's variables tell nothing apart either.
  const text = document.definitions.map((definition) =>
    print(
      definition.kind === Kind.OPERATION_DEFINITION
        ? { ...definition, variableDefinitions: definition.variableDefinitions?.filter(({ variable }) => tells(variable.name.value)) ?? [] }
        : definition,
    ),
  )
  return JSON.stringify([text, args.operationName, variables, topic, (args.contextValue as Context).actor?.scopeKey])
}

/**
 * Identical live subscriptions share one execution and one serialised body. graphql-ws keeps ids, errors and the end of
 * operations; the hub writes the events. Authorisation, arguments and errors of a subscription are graphql-js' and Pothos'
 * own, for each subscriber: only what follows is shared. Every subscriber has a position of its own, so one that reads slowly
 * costs what its socket holds, and nobody else's time.
 * @param onSkip told what one who could not keep up has missed
 */
export function createSubscriptionHub(onSkip: (bytes: number) => void): SubscriptionHub {
  const groups = new Map<string, Group>()
  let members = 0

  async function render(args: ExecutionArgs, event: Positioned): Promise<Buffer> {
    const result = await execute({ ...args, rootValue: event })
    if (result.errors?.[0] !== undefined) throw result.errors[0]
    return Buffer.from(`${JSON.stringify(result)}}`)
  }

  /** Sends what a member lacks, from history, at the pace of its reading. */
  async function catchUp(group: Group, member: Member, hasStalled: boolean): Promise<void> {
    const { options } = group.stream
    member.isAway = true
    if (hasStalled) {
      await member.outlet.drained()
      const gap = options.end() - member.position > MOST_MISSED ? await options.skip(member.position) : null
      if (gap !== null && !member.isOver()) {
        member.outlet.send(await render(group.args, gap))
        member.position = gap.to
        onSkip(gap.to - gap.from)
      }
    }
    while (!member.isOver() && member.position < options.end()) {
      const events = await options.read(member.position)
      if (events.length === 0) break
      for (const event of events) {
        const body = await render(group.args, event)
        if (member.isOver()) return
        member.outlet.send(body)
        member.position = event.to
        await member.outlet.drained()
      }
    }
    // Nothing waits between the last look at the end and this: no event can be missed.
    member.isAway = false
  }

  function startCatchingUp(group: Group, member: Member, hasStalled: boolean): void {
    catchUp(group, member, hasStalled).catch((error: unknown) => {
      member.end(error instanceof Error ? error : new Error(String(error)))
    })
  }

  async function deliver(group: Group, event: Positioned): Promise<void> {
    const ready: Member[] = []
    for (const member of group.members) {
      if (member.isAway || event.to <= member.position) continue
      const isStalled = member.outlet.waitingBytes() > MOST_WAITING_BYTES
      // One whose position is not where the event begins gets it cut, or what is before it, from history.
      if (isStalled || event.from !== member.position) startCatchingUp(group, member, isStalled)
      else ready.push(member)
    }
    if (ready.length === 0) return
    const body = await render(group.args, event)
    for (const member of ready) {
      if (member.isOver()) continue
      member.outlet.send(body)
      member.position = event.to
    }
  }

  function groupOf(args: ExecutionArgs, stream: LiveStream): Group {
    const key = keyOf(args, stream.options.topic)
    const known = groups.get(key)
    if (known !== undefined) return known
    let queue = Promise.resolve()
    const group: Group = { key, members: new Set(), stream, args, leave: () => undefined }
    const endAll = (error: Error | null) => {
      for (const member of [...group.members]) member.end(error)
    }
    group.leave = stream.options.follow({
      events(events) {
        queue = queue
          .then(async () => {
            for (const event of events) await deliver(group, event)
          })
          .catch((error: unknown) => {
            endAll(error instanceof Error ? error : new Error(String(error)))
          })
      },
      ended() {
        void queue.then(() => {
          endAll(null)
        })
      },
    })
    groups.set(key, group)
    return group
  }

  /** An iterator without results: it lasts as long as its member is served, and tells graphql-ws how it ended. */
  function serve(args: ExecutionArgs, stream: LiveStream, outlet: Outlet): Results {
    const over = Promise.withResolvers<IteratorResult<ExecutionResult, void>>()
    over.promise.catch(() => undefined)
    let group: Group | null = null
    let isOver = false
    const member: Member = {
      outlet,
      position: stream.options.start,
      isAway: false,
      isOver: () => isOver,
      end(error) {
        if (isOver) return
        isOver = true
        if (group !== null) {
          members -= 1
          group.members.delete(member)
          if (group.members.size === 0) {
            group.leave()
            groups.delete(group.key)
          }
        }
        if (error === null) over.resolve({ done: true, value: undefined })
        else over.reject(error)
      },
    }
    const results: Results = {
      [Symbol.asyncIterator]: () => results,
      [Symbol.asyncDispose]: async () => {
        member.end(null)
      },
      next() {
        // Joins only now, when it is pulled: a client that has left meanwhile leaves nothing behind.
        if (!member.isOver() && group === null) {
          group = groupOf(args, stream)
          group.members.add(member)
          members += 1
          startCatchingUp(group, member, false)
        }
        return over.promise
      },
      async return() {
        member.end(null)
        return { done: true, value: undefined }
      },
      async throw(error: unknown) {
        member.end(error instanceof Error ? error : new Error(String(error)))
        return over.promise
      },
    }
    return results
  }

  return {
    shares(args) {
      const field = args.schema.getSubscriptionType()?.getFields()[rootFieldOf(args)?.name.value ?? '']
      return field?.extensions['isLive'] === true
    },
    async subscribe(args) {
      const source = await createSourceEventStream(args)
      if (!(Symbol.asyncIterator in source)) return source
      const { outlet } = args.contextValue as Context
      if (!(source instanceof LiveStream) || outlet === null) throw new Error('a live field gives a live stream to a socket')
      return serve(args, source as LiveStream, outlet)
    },
    stats: () => ({ groups: groups.size, members }),
  }
}
