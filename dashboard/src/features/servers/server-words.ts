import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useFormat } from '../../composables/use-format.ts'
import type { CommandKind, DesiredState, ExitReason, ServerState, ServerStatus } from '../../gql/graphql.ts'
import { waitingWish } from './server-state.ts'

type Exit = { code: number | null; reason: ExitReason }
type PendingRestart = { attempt: number; maximum: number; at: string; reason: string }
type WaitingCommand = { kind: CommandKind; createdAt: string }
type Problem = { code: string; message: string }

type Described = {
  status: ServerStatus
  state: ServerState
  stateObservedAt: string | null
  problem: Problem | null
  lastExit: Exit | null
  pendingRestart: PendingRestart | null
  waitingCommand: WaitingCommand | null
  node: { name: string }
  template: { name: string; version: string }
}
type Named = { status: ServerStatus; desiredState: DesiredState; installation: { percent: number | null } | null }

/** Words for a server's state: the one word, and the line below its name. */
export function useServerWords() {
  const { t, te } = useI18n()
  const format = useFormat()

  const problemText = (problem: Problem) => {
    const key = `problems.${problem.code}`
    return te(key) ? t(key) : problem.message
  }
  const exitText = ({ code, reason }: Exit) => (reason === 'CRASHED' && code !== null ? t('exit.code', { code }) : t(`exit.${reason}`))
  const reasonText = (reason: string) => {
    const key = `exit.${reason}`
    return te(key) ? t(key) : reason
  }
  const word = (server: Named) => {
    const percent = server.installation?.percent
    if (server.status === 'INSTALLING' && percent != null) return t('status.installingPercent', { percent: format.value.percent(percent) })
    if (server.status === 'STOPPING' && server.desiredState === 'RUNNING') return t('status.stoppingThenStarts')
    return t(`status.${server.status}`)
  }
  /** What ended the game, and when it is tried again. */
  const restartText = (server: { lastExit: Exit | null; pendingRestart: PendingRestart }, now: number) => {
    const { attempt, maximum, at, reason } = server.pendingRestart
    const rest = Math.ceil((Date.parse(at) - now) / 1000)
    const ended = server.lastExit === null ? reasonText(reason) : exitText(server.lastExit)
    return rest > 0
      ? t('server.restartIn', { ended, attempt, maximum, rest: format.value.duration(rest * 1000) })
      : t('server.restartNow', { ended, attempt, maximum })
  }
  const waitingText = (command: WaitingCommand, node: string) => t(`server.waiting.${command.kind}`, { node })

  return computed(() => ({
    word,
    problemText,
    exitText,
    restartText,
    waitingText,
    /** Second line: what waits, else what is wrong, else what is known, else the game. */
    detail(server: Described, now: number): { text: string; tone: 'danger' | 'warning' | 'progress' | 'faint' } {
      const { pendingRestart } = server
      const wish = waitingWish(server)
      if (wish !== null)
        return {
          text: t('server.waitingSince', {
            waiting: waitingText(wish, server.node.name),
            time: format.value.clock(wish.createdAt),
          }),
          tone: 'warning',
        }
      if (pendingRestart !== null && server.status !== 'UNKNOWN')
        return { text: restartText({ ...server, pendingRestart }, now), tone: 'danger' }
      if (server.problem !== null) return { text: problemText(server.problem), tone: 'danger' }
      if (server.status === 'CRASHED' && server.lastExit !== null) return { text: exitText(server.lastExit), tone: 'danger' }
      if (server.status === 'UNKNOWN' && server.stateObservedAt !== null)
        return {
          text: t('server.lastKnown', { state: t(`status.${server.state}`), time: format.value.clock(server.stateObservedAt) }),
          tone: 'warning',
        }
      return { text: `${server.template.name} ${server.template.version}`, tone: 'faint' }
    },
  }))
}
