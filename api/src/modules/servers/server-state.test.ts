import { describe, expect, it } from 'vitest'
import { decide, REFUSALS, type Decision, type ServerFacts, type ServerOccurrence } from './server-state.ts'

const DIMENSIONS = {
  desiredState: ['RUNNING', 'STOPPED'],
  state: ['STOPPED', 'STARTING', 'RUNNING', 'STOPPING', 'CRASHED', 'ERROR'],
  activity: ['NONE', 'INSTALLING', 'BACKING_UP', 'RESTORING', 'TRANSFERRING'],
  isInstalled: [true, false],
  isNodeOnline: [true, false],
} as const satisfies { [Name in keyof ServerFacts]: readonly ServerFacts[Name][] }

const NAMES = Object.keys(DIMENSIONS) as (keyof ServerFacts)[]

/** Every combination of facts: 2 × 6 × 5 × 2 × 2. */
const ALL_FACTS = NAMES.reduce<Partial<ServerFacts>[]>(
  (all, name) => all.flatMap((facts) => DIMENSIONS[name].map((value) => ({ ...facts, [name]: value }))),
  [{}],
) as ServerFacts[]

const COMMANDS = ['START', 'STOP', 'RESTART', 'KILL', 'INSTALL', 'ABORT_INSTALL', 'CONSOLE_INPUT'] as const
const WISHES = ['start', 'stop', 'restart', 'kill', 'install', 'update', 'delete', 'forceDelete'] as const
const BOTH = [true, false]

const OCCURRENCES: ServerOccurrence[] = [
  ...WISHES.map((kind) => ({ kind })),
  ...BOTH.map((isSent) => ({ kind: 'abortInstallation' as const, isSent })),
  ...DIMENSIONS.state.flatMap((state) =>
    BOTH.flatMap((isSettled) => BOTH.map((isCurrent) => ({ kind: 'reported' as const, state, isSettled, isCurrent }))),
  ),
  ...(['SUCCEEDED', 'FAILED', 'ABORTED'] as const).flatMap((outcome) =>
    BOTH.map((startsNow) => ({ kind: 'installed' as const, outcome, startsNow })),
  ),
  ...COMMANDS.flatMap((command) =>
    BOTH.flatMap((isSent) =>
      BOTH.flatMap((isCurrent) =>
        DIMENSIONS.desiredState.map((before) => ({ kind: 'expired' as const, command, isSent, isCurrent, before })),
      ),
    ),
  ),
]

/** What a decision changes, in a few words. */
function word(facts: ServerFacts, occurrence: ServerOccurrence): string {
  const decision = decide(facts, occurrence)
  if ('refusal' in decision) return `refused: ${decision.refusal}`
  const changed = (['desiredState', 'state', 'activity', 'isInstalled'] as const).flatMap((name) =>
    decision[name] === facts[name] ? [] : [`${name}=${String(decision[name])}`],
  )
  const endings = decision.endings.map(
    ({ commands, status, onlyUnsent }) => `${commands.join(',')}${onlyUnsent === true ? ' (unsent)' : ''}→${status}`,
  )
  return [
    ...changed,
    decision.isNewWish ? 'wish' : '',
    decision.problem === 'keep' ? '' : `problem:${decision.problem}`,
    decision.order === null ? '' : `order:${decision.order.command}${decision.order.isDone ? ' (done)' : ''}`,
    ...endings,
    decision.isAssigned ? 'assign' : '',
    decision.removal === 'none' ? '' : `removal:${decision.removal}`,
  ]
    .filter((part) => part !== '')
    .join(' ')
}

const INDEX = new Map(ALL_FACTS.map((facts, index) => [JSON.stringify(facts), index]))
/** By fact: where those stand in ALL_FACTS that differ from each in this fact alone. */
const OTHERS = new Map(
  NAMES.map((name) => [
    name,
    ALL_FACTS.map((facts) => DIMENSIONS[name].map((value) => INDEX.get(JSON.stringify({ ...facts, [name]: value })) ?? -1)),
  ]),
)

/** Outcomes by the facts on which they depend: the others are left out. One outcome whatever the facts is told alone. */
function tableOf(occurrence: ServerOccurrence): Record<string, string> | string {
  const words = ALL_FACTS.map((facts) => word(facts, occurrence) || 'nothing')
  const matters = NAMES.filter((name) => OTHERS.get(name)?.some((others, index) => others.some((other) => words[other] !== words[index])))
  if (matters.length === 0) return words[0] ?? ''
  const nameOf = (facts: ServerFacts, name: keyof ServerFacts) => {
    const value = facts[name]
    return typeof value === 'string' ? value : `${value ? '' : 'not '}${name.slice(2)}`
  }
  return Object.fromEntries(ALL_FACTS.map((facts, index) => [matters.map((name) => nameOf(facts, name)).join(' '), words[index] ?? '']))
}

const title = ({ kind, ...details }: ServerOccurrence) =>
  [kind, ...Object.entries(details).map(([name, value]) => (typeof value === 'string' ? value : `${value ? '' : 'not '}${name}`))].join(' ')

const accepted = (facts: ServerFacts, occurrence: ServerOccurrence): Decision | null => {
  const decision = decide(facts, occurrence)
  return 'refusal' in decision ? null : decision
}

// The whole table: a change of it shows here line by line.
it.each([...Map.groupBy(OCCURRENCES, ({ kind }) => kind)])('%s', (_kind, occurrences) => {
  expect(Object.fromEntries(occurrences.map((occurrence) => [title(occurrence), tableOf(occurrence)]))).toMatchSnapshot()
})

describe('in every combination', () => {
  const each = (check: (facts: ServerFacts, occurrence: ServerOccurrence) => void) => {
    for (const facts of ALL_FACTS) for (const occurrence of OCCURRENCES) check(facts, occurrence)
  }

  it('only reports change the observed state', () => {
    each((facts, occurrence) => {
      if (occurrence.kind !== 'reported') expect(accepted(facts, occurrence)?.state ?? facts.state).toBe(facts.state)
    })
  })

  it('a wish is told to the agent, and only a wish makes a generation; what the agent decided for good needs none', () => {
    each((facts, occurrence) => {
      const decision = accepted(facts, occurrence)
      if (decision === null) return
      if (decision.isNewWish) expect(decision.isAssigned, title(occurrence)).toBe(true)
      const isWanted = decision.desiredState === 'RUNNING' && facts.desiredState === 'STOPPED'
      if (isWanted && occurrence.kind !== 'reported') expect(decision.isNewWish, title(occurrence)).toBe(true)
    })
  })

  it('a game is wanted only where something is installed and nothing else has the server', () => {
    each((facts, occurrence) => {
      const decision = accepted(facts, occurrence)
      if (decision?.isNewWish !== true || decision.desiredState === 'STOPPED' || occurrence.kind === 'expired') return
      expect(decision.isInstalled).toBe(true)
      if (occurrence.kind !== 'installed') expect(facts.activity).toBe('NONE')
    })
  })

  it('nothing is left installing when the install has ended, in whatever way', () => {
    each((facts, occurrence) => {
      const isEnd = occurrence.kind === 'installed' || (occurrence.kind === 'expired' && occurrence.command === 'INSTALL')
      if (isEnd) expect(accepted(facts, occurrence)?.activity).not.toBe('INSTALLING')
    })
  })

  it('deleting is never refused', () => {
    each((facts, occurrence) => {
      if (occurrence.kind === 'delete' || occurrence.kind === 'forceDelete') expect(accepted(facts, occurrence)).not.toBeNull()
    })
  })

  it('what an earlier wish’s report says ends no newer wish', () => {
    each((facts, occurrence) => {
      if (occurrence.kind === 'reported' && !occurrence.isCurrent)
        expect(accepted(facts, occurrence)?.desiredState).toBe(facts.desiredState)
    })
  })

  it('every refusal has its words', () => {
    each((facts, occurrence) => {
      const decision = decide(facts, occurrence)
      if ('refusal' in decision) expect(REFUSALS[decision.refusal]).toMatch(/\.$/)
    })
  })
})
