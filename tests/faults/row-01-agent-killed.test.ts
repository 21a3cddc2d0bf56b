import { afterAll } from 'vitest'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { sessionOf, untilAgentIsBack } from '../support/faults/recovery.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'
import { createStepKill } from '../support/faults/step-kill.ts'
import { deleteServer, power } from '../support/scenario.ts'
import { fetchServer } from '../support/server-query.ts'

const stepKill = createStepKill()
const getLab = useLab({ name: 'fagent', firstGamePort: 25_740, environment: stepKill.environment })
afterAll(() => {
  stepKill.dispose()
})

/** The agent's steps, by the part of a server's life in which they come. */
const STEPS = {
  install: ['install:begun', 'install:image', 'install:copied', 'install:container', 'install:ended', 'install:switched', 'install:stored'],
  start: ['start:begun', 'start:image', 'start:network', 'start:prepared', 'start:created', 'start:stored'],
  stop: ['stop:begun', 'stop:sent', 'exit:seen', 'exit:collected', 'exit:detached', 'exit:stored'],
  kill: ['kill:sent'],
  remove: ['remove:begun', 'remove:container', 'remove:network', 'remove:files', 'remove:stored'],
} as const

type Part = keyof typeof STEPS
const PARTS = Object.keys(STEPS) as Part[]
const MOMENTS = PARTS.flatMap((part) => STEPS[part].map((step) => ({ part, step })))
const STEP_MS = 20_000

/** Lives one part of a server's life; the agent is killed in it when `step` is given. */
async function live(lab: Lab, attempt: Try, act: () => Promise<unknown>, step: string | null): Promise<void> {
  const session = await sessionOf(lab)
  if (step !== null) stepKill.arm(step)
  await act()
  if (step !== null) {
    const killed = await stepKill.killed(STEP_MS)
    attempt.recovered('agent', (await untilAgentIsBack(lab, session)) - killed)
    await lab.truth(attempt, killed)
  } else {
    await lab.truth(attempt, performance.now(), { isMeasured: false })
  }
}

faultRow({ row: 1, fault: 'agent killed at a step', tries: { long: MOMENTS.length, short: 3 } }, async (attempt) => {
  const { random, number } = attempt
  const lab = getLab()
  const moment = IS_LONG ? MOMENTS[number % MOMENTS.length] : random.pick(MOMENTS)
  if (moment === undefined) throw new Error('there is a moment for each try')
  const { client } = lab
  const stepIn = (part: Part) => (moment.part === part ? moment.step : null)
  const identities = await lab.identities()

  let id = ''
  await live(lab, attempt, async () => (id = await lab.create(`Killed at ${moment.step}`)), stepIn('install'))
  const [server] = await lab.database.rows<{ isInstalled: boolean }>(
    'select "installedAt" is not null as "isInstalled" from "Server" where id = $1',
    [id],
  )
  // An install that was cut has failed, and says so; again is what an operator does then.
  if (server?.isInstalled === false) await live(lab, attempt, () => power(client, 'install', id), null)

  const scratch = lab.follow(id)
  try {
    const expectRuns = (runs: number) => {
      const seen = scratch.reader.output().split('witness ready\n').length - 1
      if (seen !== runs) attempt.violation(`${String(runs)} starts were wanted and ${String(seen)} happened`)
    }
    const expectExit = async (reason: string) => {
      const exit = (await fetchServer(client, id))?.lastExit
      if (exit?.reason !== reason) attempt.violation(`the exit is ${JSON.stringify(exit)} and not ${reason}`)
    }
    await live(lab, attempt, () => power(client, 'start', id), stepIn('start'))
    await scratch.reader.until((output) => output.includes('tick 5\n'), STEP_MS)
    expectRuns(1)
    await live(lab, attempt, () => power(client, 'stop', id), stepIn('stop'))
    await expectExit('STOPPED')
    await live(lab, attempt, () => power(client, 'start', id), null)
    await live(lab, attempt, () => power(client, 'kill', id), stepIn('kill'))
    await expectExit('KILLED')
    await scratch.reader.until((output) => output.split('witness ready\n').length > 2, STEP_MS)
    expectRuns(2)
    // Deleted as it runs, or as it rests.
    if (random.next() < 0.5) await live(lab, attempt, () => power(client, 'start', id), null)
    await lab.check(attempt, identities, [scratch])
  } finally {
    await scratch.stop()
  }
  await live(lab, attempt, () => deleteServer(client, id), stepIn('remove'))
  await lab.check(attempt, identities)
})
