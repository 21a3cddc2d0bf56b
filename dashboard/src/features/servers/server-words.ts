import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useFormat } from '../../composables/use-format.ts'
import type { ServerState, ServerStatus } from '../../gql/graphql.ts'

type Described = {
  status: ServerStatus
  state: ServerState
  stateObservedAt: string | null
  problem: { code: string; message: string } | null
  template: { name: string; version: string }
  installation: { percent: number | null; step: string | null } | null
}

/** Words for a server's state: the one word, and the line below its name. */
export function useServerWords() {
  const { t, te } = useI18n()
  const format = useFormat()
  const problemText = (problem: { code: string; message: string }) => {
    const key = `problems.${problem.code}`
    return te(key) ? t(key) : problem.message
  }
  const word = (server: Pick<Described, 'status' | 'installation'>) => {
    const percent = server.installation?.percent
    return server.status === 'INSTALLING' && percent != null
      ? t('status.installingPercent', { percent: format.value.percent(percent) })
      : t(`status.${server.status}`)
  }
  return computed(() => ({
    word,
    problemText,
    /** Second line: what is wrong, else what is known, else the game. */
    detail(server: Described): { text: string; tone: 'danger' | 'warning' | 'faint' } {
      if (server.problem !== null) return { text: problemText(server.problem), tone: 'danger' }
      if (server.status === 'UNKNOWN' && server.stateObservedAt !== null)
        return {
          text: t('server.lastKnown', { state: t(`status.${server.state}`), time: format.value.clock(server.stateObservedAt) }),
          tone: 'warning',
        }
      return { text: `${server.template.name} ${server.template.version}`, tone: 'faint' }
    },
  }))
}
