import { randomUUID } from 'node:crypto'
import { afterAll } from 'vitest'
import { insist } from '../support/faults/insist.ts'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { sessionOf, untilAgentIsBack, untilApiAnswers } from '../support/faults/recovery.ts'
import { faultRow, IS_LONG, type Try } from '../support/faults/row.ts'
import { createStepKill } from '../support/faults/step-kill.ts'
import { createServer, deleteServer, power } from '../support/scenario.ts'

const stepKill = createStepKill()
const getLab = useLab({ name: 'fapi', firstGamePort: 25_760, environment: stepKill.environment })
afterAll(() => {
  stepKill.dispose()
})

/** The api's steps between storing and telling, and between being told and storing. */
const STEPS = ['wish:persisted', 'wish:committed', 'order:sending', 'report:received', 'report:applied', 'report:committed'] as const
const STEP_MS = 20_000

/** What an operator does to a server; `action` is what the audit calls it. */
const ACTS = {
  start: { action: 'server:start', kind: 'START', isFromRunning: false },
  stop: { action: 'server:stop', kind: 'STOP', isFromRunning: true },
  restart: { action: 'server:restart', kind: 'RESTART', isFromRunning: true },
  kill: { action: 'server:kill', kind: 'KILL', isFromRunning: true },
  install: { action: 'server:install', kind: 'INSTALL', isFromRunning: false },
  create: { action: 'server:create', kind: 'INSTALL', isFromRunning: false },
  delete: { action: 'server:delete', kind: null, isFromRunning: true },
} as const
type Act = keyof typeof ACTS
const NAMES = Object.keys(ACTS) as Act[]

/** The order, given as by a client that was cut off and repeats it until it has an answer; the server's id. */
async function give(lab: Lab, act: Act, id: string): Promise<string> {
  const key = randomUUID()
  const { client, nodeId, template } = lab
  if (act === 'create') {
    const input = { name: 'Cut', templateId: template, nodeId, memoryMiB: 64, cpuPercent: 20, diskMiB: 64, idempotencyKey: key }
    return insist(() => createServer(client, input))
  }
  if (act === 'delete') await insist(() => deleteServer(client, id, key))
  else await insist(() => power(client, act, id, key))
  return id
}

/** Once in the audit, once as a command, and with one answer: however often it was asked. */
async function expectOnce(lab: Lab, attempt: Try, act: Act, id: string): Promise<void> {
  const { action, kind } = ACTS[act]
  const [audit] = await lab.database.rows<{ count: number }>(
    'select count(*)::int as count from "AuditEntry" where "subjectId" = $1 and action = $2',
    [id, action],
  )
  if (audit?.count !== 1) attempt.violation(`${action} is in the audit ${String(audit?.count ?? 0)} times`)
  if (kind === null) return
  const commands = await lab.database.rows<{ status: string }>(
    'select status from "Command" where "serverId" = $1 and kind = $2::"CommandKind"',
    [id, kind],
  )
  // Its being made had an install of its own.
  const expected = act === 'install' ? 2 : 1
  if (commands.length !== expected || commands.some(({ status }) => status !== 'DONE'))
    attempt.violation(`${act}: the commands are ${JSON.stringify(commands)}`)
}

faultRow({ row: 2, fault: 'api killed between storing and telling' }, async (attempt) => {
  const { random, number } = attempt
  const lab = getLab()
  const step = IS_LONG ? (STEPS[number % STEPS.length] ?? STEPS[0]) : random.pick(STEPS)
  const act = random.pick(NAMES)
  const identities = await lab.identities()
  const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(150))
  const first = await lab.create(`Api ${step}`)
  await lab.truth(attempt, 0, { isMeasured: false })
  if (ACTS[act].isFromRunning) {
    await power(lab.client, 'start', first)
    await lab.truth(attempt, 0, { isMeasured: false })
  }
  const session = await sessionOf(lab)

  stepKill.arm(step)
  const answered = give(lab, act, first)
  answered.catch(() => undefined)
  const killed = await stepKill.killed(STEP_MS)
  attempt.recovered('api', (await untilApiAnswers(lab)) - killed)
  const id = await answered
  await untilAgentIsBack(lab, session)
  await Promise.all(stopTyping.map((stop) => stop()))
  await lab.truth(attempt, killed)

  await expectOnce(lab, attempt, act, id)
  await lab.check(attempt, identities)
  await lab.remove(
    attempt,
    [...new Set([first, id])].filter((server) => act !== 'delete' || server !== first),
  )
})
