import { setTimeout as delay } from 'node:timers/promises'
import { useLab } from '../support/faults/lab.ts'
import { cutPower } from '../support/faults/power-cut.ts'
import { faultRow } from '../support/faults/row.ts'
import { power, setBootPolicy } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'

const getLab = useLab({ name: 'fboot', firstGamePort: 25_940 })

const AWAITED_MS = 60_000

/** What each boot policy makes of a server that ran, and of one that did not. */
const CASES = [
  { policy: 'RESTORE', ran: true, runs: true },
  { policy: 'RESTORE', ran: false, runs: false },
  { policy: 'ALWAYS', ran: false, runs: true },
  { policy: 'NEVER', ran: true, runs: false },
] as const

faultRow({ row: 8, fault: 'reboot simulated: all killed, runtime state wiped' }, async (attempt) => {
  const lab = getLab()
  const { client } = lab
  const before = await lab.identities()
  const servers = await Promise.all(
    CASES.map(async (one) => {
      const id = await lab.create(`${one.policy} ${one.ran ? 'ran' : 'rested'}`, { cpuPercent: 10 })
      await untilServer(client, id, ({ status }) => status === 'STOPPED', AWAITED_MS)
      await setBootPolicy(client, id, one.policy)
      if (one.ran) await power(client, 'start', id)
      return { ...one, id }
    }),
  )
  await lab.truth(attempt, 0, { isMeasured: false })
  await delay(attempt.random.between(0, 1000))

  await cutPower(lab)
  await lab.containerd.start()
  await lab.product.start()
  const end = performance.now()
  await Promise.all(
    servers.map(({ id, runs }) => untilServer(client, id, ({ status }) => status === (runs ? 'RUNNING' : 'STOPPED'), AWAITED_MS)),
  )
  await lab.truth(attempt, end)
  const after = await lab.identities()
  for (const [index, identity] of after.entries())
    if (identity === before[index] || identity.endsWith('does not run')) attempt.violation(`a game did not come back: ${identity}`)
  await lab.check(attempt, after)
  await lab.remove(
    attempt,
    servers.map(({ id }) => id),
  )
})
