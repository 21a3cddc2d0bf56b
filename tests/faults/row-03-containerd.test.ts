import { setTimeout as delay } from 'node:timers/promises'
import { useLab, type Lab } from '../support/faults/lab.ts'
import { gameOf, shimOf } from '../support/faults/processes.ts'
import type { Random } from '../support/faults/random.ts'
import { faultRow } from '../support/faults/row.ts'
import { sendConsoleCommand } from '../support/scenario.ts'
import { fetchServer, untilServer } from '../support/server-query.ts'

const getLab = useLab({ name: 'fctrd', firstGamePort: 25_780 })

type Fault = {
  run(lab: Lab, scratch: string, random: Random): Promise<void>
  /** The game of the scratch server ends by it. */ code?: number | null
}

const FAULTS: Record<string, Fault> = {
  'containerd killed': {
    async run({ containerd }, _scratch, random) {
      await containerd.kill()
      await delay(random.between(0, 3000))
      await containerd.start()
    },
  },
  'containerd stopped': {
    async run({ containerd }, _scratch, random) {
      await containerd.stop()
      await delay(random.between(0, 3000))
      await containerd.start()
    },
  },
  'a game ends while containerd is away': {
    code: 3,
    async run({ containerd, client }, scratch, random) {
      await containerd.kill()
      await sendConsoleCommand(client, scratch, 'fail 3')
      await delay(random.between(500, 3000))
      await containerd.start()
    },
  },
  'a shim killed': {
    code: null,
    run(lab, scratch) {
      process.kill(shimOf(lab, scratch), 'SIGKILL')
      return Promise.resolve()
    },
  },
  'a game killed behind our back': {
    code: 137,
    async run(lab, scratch) {
      process.kill(await gameOf(lab, scratch), 'SIGKILL')
    },
  },
}
const NAMES = Object.keys(FAULTS)
const BACK_MS = 40_000

faultRow({ row: 3, fault: 'containerd, a shim or a game killed' }, async (attempt) => {
  const lab = getLab()
  const name = NAMES[(attempt.number + attempt.random.between(0, 4)) % NAMES.length] ?? ''
  const fault = FAULTS[name]
  if (fault === undefined) throw new Error(name)
  const id = await lab.create(name, { start: true })
  const scratch = lab.follow(id)
  try {
    await untilServer(lab.client, id, (server) => server.status === 'RUNNING', BACK_MS)
    const identities = await lab.identities()
    const stopTyping = lab.witnesses.map((witness) => witness.typeEvery(200))
    await delay(attempt.random.between(0, 500))

    await fault.run(lab, id, attempt.random)
    const end = performance.now()
    if (fault.code === undefined) {
      await lab.truth(attempt, end)
    } else {
      // What ended is seen, told why, and started again as the server's policy says.
      await untilServer(lab.client, id, (server) => server.lastExit !== null, BACK_MS)
      attempt.recovered('truth', performance.now() - end)
      const exit = (await fetchServer(lab.client, id))?.lastExit
      if (fault.code !== null && exit?.code !== fault.code) attempt.violation(`${name}: the exit is ${JSON.stringify(exit)}`)
      await scratch.reader.until((output) => output.split('witness ready\n').length > 2, BACK_MS)
      await lab.truth(attempt, end, { isMeasured: false, timeoutMs: BACK_MS })
    }
    await Promise.all(stopTyping.map((stop) => stop()))
    await lab.check(attempt, identities, [scratch])
  } finally {
    await scratch.stop()
  }
  await lab.remove(attempt, [id])
})
