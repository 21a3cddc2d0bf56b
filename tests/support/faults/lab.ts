import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { startContainerd, type TestContainerd } from '../containerd.ts'
import { hostTraces } from '../host-traces.ts'
import { freePort, startProduct, type Product } from '../product.ts'
import { createServer, deleteServer, importTestTemplate, overcommitProcessor, type CreateServer } from '../scenario.ts'
import { untilServer } from '../server-query.ts'
import type { ThirdParty } from '../third-party.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { leftovers, type NodePlace } from './leftovers.ts'
import { productDatabase, type ProductDatabase } from './product-database.ts'
import type { Try } from './row.ts'
import { identityOf, openRuntimeView, type RuntimeView } from './runtime-view.ts'
import { TRUTH_MS, untilTruth } from './truth.ts'
import { followWitness, type TypedCommand, type Witness } from './witness.ts'

/** A whole product on a containerd of its own, with games that must not notice what is done to everything around them. */
export type Lab = {
  readonly product: Product
  readonly containerd: TestContainerd
  /** Between agent and api. */
  readonly proxy: FaultProxy
  readonly client: ThirdParty
  readonly database: ProductDatabase
  /** Process id of each game that the runtime has; null of one that does not run. */
  workloads(): Promise<Map<string, number | null>>
  /** Three games that run through every fault. */
  readonly witnesses: readonly Witness[]
  /** Id of the product's own node. */
  readonly nodeId: string
  /** Id of the template of the witnesses. */
  readonly template: string
  /** Another server on the product's own node, whether it is there or not; not started unless `start`. */
  create(name: string, change?: Partial<CreateServer>): Promise<string>
  follow(id: string): Witness
  /** The witnesses' processes as they are now; what they must still be at the end. */
  identities(): Promise<string[]>
  /** Waits for the one state, and tells how long after `since` it was there. */
  truth(attempt: Try, since: number, options?: TruthOptions): Promise<void>
  /** What must hold after every fault: same games, unbroken consoles, nothing left over. Call it when the truth is there. */
  check(attempt: Try, identities: readonly string[], further?: readonly Witness[]): Promise<void>
  /** Another node of this machine, whose games are looked at too. */
  addNode(namespace: string, dataDir: string, ports: NodePlace['ports']): void
  /** Deletes servers that a try made; nothing of them may stay. */
  remove(attempt: Try, ids: readonly string[]): Promise<void>
  dispose(): Promise<void>
}

export type TruthOptions = { timeoutMs?: number; mayRest?: ReadonlySet<string>; isMeasured?: boolean }

export type LabOptions = {
  /** Short and unique on this machine. */
  name: string
  firstGamePort: number
  /** How many ports from there on are the node's; 20 unless given. */
  ports?: number
  environment?: Record<string, string>
}

const SMALL = { memoryMiB: 64, cpuPercent: 20, diskMiB: 64 }
const GAMES = ['Alpha', 'Beta', 'Gamma']
const START_MS = 120_000
const CONSOLE_MS = 5000
/** A game's end, its files and its network: many at once share the machine. */
const REMOVAL_MS = 2000

async function startWitnesses(client: ThirdParty, url: string, template: string): Promise<Witness[]> {
  const ids = await Promise.all(GAMES.map((name) => createServer(client, { ...SMALL, name, templateId: template, start: true })))
  await Promise.all(ids.map((id) => untilServer(client, id, (server) => server.status === 'RUNNING', START_MS)))
  return ids.map((id) => followWitness(url, client.token, id))
}

/** A lab for the tests of a file. */
export function useLab(options: LabOptions): () => Lab {
  let lab: Lab | null = null
  beforeAll(async () => {
    lab = await startLab(options)
  })
  afterAll(async () => {
    await lab?.dispose()
  })
  return () => {
    if (lab === null) throw new Error('there is no lab outside of a test')
    return lab
  }
}

type Ground = { product: Product; containerd: TestContainerd; proxy: FaultProxy; ports: NodePlace['ports'] }

/** Nothing is left when it fails. */
async function startLab({ name, firstGamePort, ports = 20, environment }: LabOptions): Promise<Lab> {
  const containerd = await startContainerd()
  const httpPort = await freePort()
  const proxy = await startFaultProxy(httpPort)
  let product: Product | null = null
  try {
    product = await startProduct({
      name,
      firstGamePort,
      httpPort,
      environment: {
        CATALYST_NODE_PORTS: `${String(firstGamePort)}-${String(firstGamePort + ports - 1)}`,
        CONTAINERD_SOCKET: containerd.socket,
        CATALYST_AGENT_API_URL: `ws://127.0.0.1:${String(proxy.port)}/agent`,
        ...environment,
      },
    })
    return await equip({ product, containerd, proxy, ports: { first: firstGamePort, last: firstGamePort + ports - 1 } })
  } catch (error) {
    await product?.dispose()
    await proxy.close()
    await containerd.dispose()
    throw error
  }
}

async function equip({ product, containerd, proxy, ports }: Ground): Promise<Lab> {
  const client = await product.administrator()
  const database = productDatabase(product.dataDir)
  const nodes: { place: NodePlace; runtime: RuntimeView }[] = []
  const addNode: Lab['addNode'] = (namespace, dataDir, nodePorts) => {
    const place = { namespace, agentFolder: path.join(dataDir, 'agent'), containerdFolder: containerd.base, ports: nodePorts }
    nodes.push({ place, runtime: openRuntimeView(containerd.socket, namespace) })
  }
  addNode(product.namespace, product.dataDir, ports)
  const workloads = async () => new Map((await Promise.all(nodes.map(({ runtime }) => runtime.workloads()))).flatMap((one) => [...one]))
  const views = { database, client, workloads }
  // The games hardly need any; a small machine shall not refuse them.
  const nodeId = await overcommitProcessor(client, 500)
  const template = await importTestTemplate(client, 'witness')
  const witnesses = await startWitnesses(client, product.url, template)
  const identities = async () => {
    const all = await workloads()
    return witnesses.map(({ id }) => {
      const pid = all.get(id) ?? null
      return `${id} ${pid === null ? 'does not run' : identityOf(pid)}`
    })
  }

  async function knownServers() {
    return database.rows<{ id: string; isRunning: boolean; ports: number[] }>(
      `select s.id, s.state = 'RUNNING' as "isRunning", coalesce(array_agg(a.port) filter (where a.port is not null), '{}') as ports
       from "Server" s left join "Allocation" a on a."serverId" = s.id group by s.id`,
    )
  }

  /** The newest lines are on their way to the viewers for a moment. */
  async function untilUnbroken(watched: readonly Witness[]): Promise<string[]> {
    const commands = await database.rows<TypedCommand>(
      `select "serverId", payload->>'consoleInput' as text, status, "errorCode" from "Command"
       where kind = 'CONSOLE_INPUT' and "serverId" = any($1::uuid[])`,
      [watched.map(({ id }) => id)],
    )
    const deadline = performance.now() + CONSOLE_MS
    for (;;) {
      const breaches = watched.flatMap((witness) => witness.breaches(commands))
      if (breaches.length === 0 || performance.now() > deadline) return breaches
      await delay(100)
    }
  }

  /** Up to where what the supervisor printed has been looked through. */
  let heard = 0

  async function reportLeftovers(attempt: Try): Promise<void> {
    const servers = await knownServers()
    for (const { place, runtime } of nodes)
      for (const left of await leftovers(place, runtime, servers)) attempt.violation(`left over: ${left}`)
  }

  return {
    product,
    containerd,
    proxy,
    client,
    database,
    workloads,
    addNode,
    witnesses,
    nodeId,
    template,
    create: (serverName, change) => createServer(client, { ...SMALL, name: serverName, templateId: template, nodeId, ...change }),
    follow: (id) => followWitness(product.url, client.token, id),
    identities,
    async truth(attempt, since, { timeoutMs = TRUTH_MS, mayRest, isMeasured = true } = {}) {
      const moment = await untilTruth(views, timeoutMs, mayRest)
      if (isMeasured) attempt.recovered('truth', Math.max(0, moment - since))
    },
    async check(attempt, before, further = []) {
      const after = await identities()
      for (const [index, identity] of before.entries())
        if (after[index] !== identity) attempt.violation(`a game was restarted: ${identity} is ${after[index] ?? 'gone'}`)
      // Killed ones are told by their signal: an exit status is an end that nobody wanted.
      const printed = product.printed()
      for (const [text] of printed.slice(heard).matchAll(/^.*\b(?:agent|api) ended \(exit status \d+\).*$/gm)) attempt.violation(text)
      heard = printed.length
      for (const breach of await untilUnbroken([...witnesses, ...further])) attempt.violation(breach)
      await reportLeftovers(attempt)
    },
    async remove(attempt, ids) {
      await Promise.all(ids.map((id) => deleteServer(client, id)))
      await untilTruth(views, Math.max(TRUTH_MS, ids.length * REMOVAL_MS))
      await reportLeftovers(attempt)
    },
    async dispose() {
      await Promise.all(witnesses.map((witness) => witness.stop()))
      await Promise.all(nodes.map(({ runtime }) => runtime.close()))
      await client.dispose()
      await product.dispose()
      await proxy.close()
      await containerd.dispose()
      const traces = hostTraces(product.namespace, product.dataDir)
      if (traces.length > 0) throw new Error(`left on the machine: ${traces.join('; ')}`)
    },
  }
}
