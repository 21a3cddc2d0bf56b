import { computed, onScopeDispose, ref, watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute, useRouter } from 'vue-router'
import { useDisplay } from 'vuetify'
import { useFormat } from '../../composables/use-format.ts'
import { usePreferences } from '../../composables/use-preferences.ts'
import { useQueryParameter } from '../../composables/use-query-parameter.ts'
import { KINDS, kindsIn, textOfKinds } from './console-kinds.ts'
import { createConsoleLog } from './console-log.ts'
import { createSpokenLines } from './spoken-lines.ts'
import { useConsolePages } from './use-console-pages.ts'
import { useConsoleStream } from './use-console-stream.ts'
import { useConsoleTerminal } from './use-console-terminal.ts'

/** Lines of a console that are on the page at once; others are loaded as one reads on. */
const MOST_LINES = 10_000
/** Lines that a live console begins with. */
const TAIL_LINES = 1000

/** The console of a server: what is shown of it, where it comes from, and the place that the address names. */
export function useConsole(serverId: string, host: Ref<HTMLElement | null>, onInput: () => void) {
  const { t } = useI18n()
  const { mobile } = useDisplay()
  const format = useFormat()
  const { choices, theme } = usePreferences()
  const route = useRoute()
  const router = useRouter()
  const hasTimes = computed(() => choices.consoleTimes ?? !mobile.value)
  const fontSize = computed(() => choices.consoleFontSize ?? (mobile.value ? 11 : 12.5))
  const spoken = ref('')
  const kindsText = useQueryParameter('kinds', '')
  const kinds = computed({
    get: () => kindsIn(kindsText.value),
    set: (next) => {
      kindsText.value = textOfKinds(next)
    },
  })

  const terminal = useConsoleTerminal(host, {
    theme,
    hasTimes,
    isScreenReader: computed(() => choices.consoleScreenReader),
    kinds,
    fontSize,
    clock: (at) => format.value.clock(at),
    newDay: (before, at) => {
      const isSame = new Date(before ?? Date.now()).toDateString() === new Date(at).toDateString()
      return isSame ? null : format.value.day(at, Date.now())
    },
    gapText: ({ reason, from, to }, since, until) => {
      const times = { from: since === null ? '' : format.value.clock(since), to: until === null ? '' : format.value.clock(until) }
      const text = t(`console.gap.${reason}`, { size: format.value.bytes(to - from) })
      const when = since === null ? (until === null ? null : 'before') : until === null ? 'after' : 'between'
      return when === null ? text : `${text}, ${t(`console.gapTimes.${when}`, times)}`
    },
    events: () => log.events(),
    isLive: () => log.state.mode === 'live',
    scrolled: (isReading) => {
      log.setReading(isReading)
    },
    reached: (edge) => void (edge === 'top' ? log.older() : log.newer()),
    unfilled: () => {
      if (kinds.value.length < KINDS.length) void log.fill()
    },
  })
  const pages = useConsolePages(serverId)
  const log = createConsoleLog(
    {
      ...pages,
      restart: (after) => {
        stream.restart(after)
      },
    },
    terminal.screen,
    MOST_LINES,
  )
  const speech = createSpokenLines({
    say: (text) => {
      spoken.value = text
    },
    more: (count) => t('console.moreLines', count),
    inASecond: (run) => {
      const timer = setTimeout(run, 1000)
      return () => {
        clearTimeout(timer)
      }
    },
  })

  /** A position of the console that is to be shown; null is live. */
  const place = computed(() => {
    const at = route.query['at']
    return typeof at === 'string' && /^\d{1,16}$/.test(at) ? Number(at) : null
  })
  const path = route.path
  if (place.value !== null) void log.goTo(place.value)
  const stream = useConsoleStream(serverId, {
    // Who begins in the past is told what comes, not what came before.
    tailLines: () => (log.state.mode === 'past' ? 0 : TAIL_LINES),
    onEvent: (event) => {
      const isFollowing = log.state.mode === 'live' && !log.state.isReading
      log.received(event)
      if (event.__typename === 'ConsoleGap') return
      if (event.kind === 'INPUT') onInput()
      if (choices.consoleScreenReader && isFollowing && terminal.screen.isShown(event)) speech.add(event.text)
    },
  })
  const leavePlace = () => {
    const { at: _at, ...query } = route.query
    void router.replace({ query })
  }
  watch(place, (position) => {
    // Leaving the page is no wish to see another place of it.
    if (route.path !== path) return
    if (position !== null) void log.goTo(position)
    else if (log.state.mode === 'past') log.follow()
  })
  // Whoever read on up to the end has left the place.
  watch(
    () => log.state.mode,
    (mode) => {
      if (mode === 'live' && place.value !== null) leavePlace()
    },
  )
  onScopeDispose(() => {
    speech.stop()
  })

  return {
    terminal,
    log,
    pages,
    hasTimes,
    fontSize,
    /** What of it is shown; in the address. */
    kinds,
    /** What a screen reader says. */
    spoken,
    refusal: stream.refusal,
    /** Shows the lines around a position, of all kinds: it may be of any. Back returns. */
    show(position: number): void {
      const { kinds: _kinds, ...query } = route.query
      if (position === place.value) void log.goTo(position)
      void router.push({ query: { ...query, at: String(position) } })
    },
    /** Shows the newest lines, live. */
    follow(): void {
      if (place.value !== null) leavePlace()
      log.follow()
    },
  }
}
