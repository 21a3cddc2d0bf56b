import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { useConnection } from '../../composables/use-connection.ts'
import { graphql } from '../../gql/index.ts'
import type { InstallationStatus } from '../../gql/graphql.ts'
import { openStream, useSocket } from '../../plugins/socket.ts'

const InstallationEvents = graphql(`
  subscription InstallationEvents($serverId: ID!, $after: SafeInt) {
    installationEvents(serverId: $serverId, after: $after) {
      from
      to
      text
      installation {
        id
        status
        step
        percent
        exitCode
        error
        startedAt
        finishedAt
      }
    }
  }
`)

export type InstallationView = {
  id: string
  status: InstallationStatus
  step: string | null
  percent: number | null
  exitCode: number | null
  error: string | null
  startedAt: string | null
  finishedAt: string | null
}

const AGAIN_MS = 1000
const MOST_CHARACTERS = 1_000_000

/** The newest install run and its log, live; every character once, whatever the connection does. */
export function useInstallationLog(serverId: string) {
  const socket = useSocket()
  const connection = useConnection()
  const installation = shallowRef<InstallationView | null>(null)
  const log = ref('')
  let position = 0
  let close: () => void = () => undefined
  let timer: ReturnType<typeof setTimeout> | null = null
  let isFinal = false

  const later = () => {
    if (timer !== null) clearTimeout(timer)
    if (!isFinal) timer = setTimeout(open, AGAIN_MS)
  }
  function open() {
    close()
    close = openStream(
      socket,
      InstallationEvents,
      { serverId, after: position },
      {
        next: ({ installationEvents: event }) => {
          if (installation.value !== null && event.installation.id !== installation.value.id) {
            // A new run has a log of its own.
            log.value = ''
            position = 0
            installation.value = event.installation
            if (event.from > 0) {
              open()
              return
            }
          }
          installation.value = event.installation
          if (event.from > position) {
            open()
            return
          }
          if (event.to > position) {
            log.value = (log.value + event.text.slice(position - event.from)).slice(-MOST_CHARACTERS)
            position = event.to
          }
        },
        failed: (codes) => {
          isFinal = codes.includes('FORBIDDEN') || codes.includes('NOT_FOUND')
          later()
        },
        ended: later,
      },
    )
  }
  open()
  watch(
    () => connection.state.isLive,
    (isLive, wasLive) => {
      if (wasLive && !isLive) close()
      else if (isLive && !isFinal && connection.state.epoch > 1) open()
    },
    { flush: 'sync' },
  )
  onScopeDispose(() => {
    isFinal = true
    if (timer !== null) clearTimeout(timer)
    close()
  })
  return { installation, log }
}
