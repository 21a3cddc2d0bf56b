import { onScopeDispose, readonly, ref, watch } from 'vue'
import { useConnection } from '../../composables/use-connection.ts'
import { graphql, readFragment } from '../../gql/index.ts'
import { openStream, useSocket } from '../../plugins/socket.ts'
import { ConsoleEventFields, type ConsoleEvent } from './console-event.ts'
import { createConsoleStream } from './console-stream.ts'

const ConsoleEvents = graphql(`
  subscription ConsoleEvents($serverId: ID!, $after: SafeInt, $tailLines: Int) {
    consoleEvents(serverId: $serverId, after: $after, tailLines: $tailLines) {
      ...ConsoleEvent_All
    }
  }
`)

const LONGEST_PAUSE_MS = 10_000

export type ConsoleStreamOptions = {
  /** Lines of history to begin with, when it begins without a position. */
  tailLines(): number
  onEvent(event: ConsoleEvent): void
}

/** The console of a server, from its tail on, through every loss of connection. Each event comes once and in order. */
export function useConsoleStream(serverId: string, options: ConsoleStreamOptions) {
  const socket = useSocket()
  const connection = useConnection()
  const refusal = ref<string | null>(null)

  const stream = createConsoleStream(
    {
      open: (after, sink) =>
        openStream(socket, ConsoleEvents, after === null ? { serverId, tailLines: options.tailLines() } : { serverId, after }, {
          next: ({ consoleEvents }) => {
            sink.next(readFragment(ConsoleEventFields, consoleEvents))
          },
          failed: sink.failed,
          ended: sink.ended,
        }),
      later(failures, run) {
        const timer = setTimeout(run, Math.min(LONGEST_PAUSE_MS, 250 * 2 ** failures))
        return () => {
          clearTimeout(timer)
        }
      },
    },
    {
      event: options.onEvent,
      refused: (code) => {
        refusal.value = code
      },
    },
  )
  stream.open()

  // A lost socket would subscribe again with its old start: this stream goes on behind its last position instead.
  watch(
    () => connection.state.isLive,
    (isLive, wasLive) => {
      if (wasLive && !isLive) stream.pause()
      else if (isLive && connection.state.epoch > 1) stream.open()
    },
    { flush: 'sync' },
  )
  onScopeDispose(() => {
    stream.stop()
  })
  return {
    refusal: readonly(refusal),
    /** Begins anew behind a position; null: with the tail. */
    restart: stream.restart,
  }
}
