import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll } from 'vitest'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { faultRow, type Try } from '../support/faults/row.ts'
import { importTestTemplate, power, setRestartPolicy } from '../support/scenario.ts'
import { untilServer, type ServerView } from '../support/server-query.ts'

const getLab = useLab({ name: 'fgame', firstGamePort: 25_820 })
let menace = ''
beforeAll(async () => {
  menace = await importTestTemplate(getLab().client, 'menace')
})

const AWAITED_MS = 60_000
/** Stop command, two seconds of patience, SIGKILL. */
const STOP_MS = 10_000

const until = (lab: Lab, id: string, found: (server: ServerView) => boolean, timeoutMs = AWAITED_MS) =>
  untilServer(lab.client, id, found, timeoutMs)

/** Each way to misbehave; resolves when the server is where it must end. */
const GAMES: Record<string, (lab: Lab, attempt: Try, id: string) => Promise<void>> = {
  async flood(lab, attempt, id) {
    await until(lab, id, (server) => server.status === 'RUNNING')
    await delay(attempt.random.between(1000, 4000))
    await stopByForce(lab, attempt, id)
  },
  async deaf(lab, attempt, id) {
    await until(lab, id, (server) => server.status === 'RUNNING')
    await stopByForce(lab, attempt, id)
  },
  async forks(lab, attempt, id) {
    const menaced = lab.follow(id)
    try {
      await menaced.reader.until((output) => /no more than \d+\n/.test(output), AWAITED_MS)
    } finally {
      await menaced.stop()
    }
    await power(lab.client, 'kill', id)
    const server = await until(lab, id, ({ status }) => status === 'STOPPED', STOP_MS)
    if (server.lastExit?.reason !== 'KILLED') attempt.violation(`forks: the exit is ${JSON.stringify(server.lastExit)}`)
  },
  async hungry(lab, attempt, id) {
    const server = await until(lab, id, ({ lastExit }) => lastExit !== null)
    if (server.lastExit?.reason !== 'OUT_OF_MEMORY') attempt.violation(`hungry: the exit is ${JSON.stringify(server.lastExit)}`)
  },
  async quitter(lab, attempt, id) {
    const server = await until(lab, id, ({ status, pendingRestart }) => status === 'CRASHED' && pendingRestart === null)
    if (server.lastExit?.code !== 7) attempt.violation(`quitter: the exit is ${JSON.stringify(server.lastExit)}`)
    if (server.problem === null) attempt.violation('quitter: nothing says why it is not running')
  },
}
const MODES = Object.keys(GAMES)

/** The game reads nothing and ends by force, in time. */
async function stopByForce(lab: Lab, attempt: Try, id: string): Promise<void> {
  await power(lab.client, 'stop', id)
  const server = await until(lab, id, ({ status }) => status === 'STOPPED', STOP_MS)
  if (server.lastExit?.reason !== 'KILLED') attempt.violation(`the exit after the stop's patience is ${JSON.stringify(server.lastExit)}`)
}

faultRow({ row: 6, fault: 'games that flood, do not stop, fork, eat or quit', tries: { long: 20, short: 5 } }, async (attempt) => {
  const lab = getLab()
  const mode = MODES[attempt.number % MODES.length] ?? ''
  const identities = await lab.identities()
  const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(200))
  // Processes take memory too, and here the limit of processes is to be met first.
  const memoryMiB = mode === 'forks' ? 512 : 64
  const id = await lab.create(mode, { templateId: menace, memoryMiB, variables: [{ name: 'MODE', value: mode }] })
  await until(lab, id, ({ status }) => status === 'STOPPED')
  await setRestartPolicy(lab.client, id, mode === 'quitter' ? { policy: 'ALWAYS', maximumRestarts: 2 } : { policy: 'NEVER' })
  await power(lab.client, 'start', id)
  await GAMES[mode]?.(lab, attempt, id)
  const end = performance.now()
  await Promise.all(stopTyping.map((stop) => stop()))
  await lab.truth(attempt, end, { mayRest: new Set([id]) })
  await lab.check(attempt, identities)
  await lab.remove(attempt, [id])
})
