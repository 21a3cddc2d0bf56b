import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { createHost } from '../../agent/src/network/host.ts'
import { createNetwork } from '../../agent/src/network/network.ts'
import { buildOciSpec, readSeccompProfile } from '../../agent/src/runtime/containerd/oci-spec.ts'
import type { WorkloadSpec } from '../../agent/src/runtime/runtime.ts'
import { describeResult, median, millisecondsResult, type BenchResult } from '../support/bench.ts'
import { readConsole } from '../support/console-reader.ts'
import { startContainerd, whyNoContainerd, type TestContainerd } from '../support/containerd.ts'
import { startProduct } from '../support/product.ts'
import { createServer, importTestTemplate, power } from '../support/scenario.ts'
import { untilServer } from '../support/server-query.ts'
import { createTestNode, type TestNode } from '../support/test-node.ts'
import { createThirdParty } from '../support/third-party.ts'

// How long a start takes: on the node against `ctr run` and `runc run` of the same unpacked image, twenty at once, and
// from a third party's mutation to the first text of the game.

const ROUNDS = 15
const PARALLEL_ROUNDS = 5
const PRODUCT_ROUNDS = 7
const PARALLEL = 20
const NAMESPACE = `catbench-${String(process.pid)}`
const GREETING = ['/bin/busybox', 'echo', 'hello']
const LASTING = ['/bin/busybox', 'sh', '-c', 'echo hello; exec sleep 600']

const execute = promisify(execFile)
const since = (start: number) => performance.now() - start

/** Resolves when the file has anything in it. */
function firstOutput(file: string): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (statSync(file).size === 0) return
      watcher.close()
      resolve()
    }
    const watcher = watch(file, check)
    check()
  })
}

/** From the agent's order to the first output, everything but the network: what a runner does. */
async function startOurs(node: TestNode, folder: string, spec: WorkloadSpec): Promise<number> {
  const logPath = path.join(folder, `${spec.id}.log`)
  writeFileSync(logPath, '', { mode: 0o600 })
  const start = performance.now()
  const seen = firstOutput(logPath)
  await node.runtime.prepare(spec)
  await node.runtime.start(spec.id, { logPath, stdinPath: path.join(folder, `${spec.id}.stdin`) })
  await seen
  return since(start)
}

/** From the spawn of a program to its first byte on standard output; waits for its end outside the measured time. */
async function firstByteOf(command: string, args: string[]): Promise<number> {
  const start = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  const time = since(start)
  await ended
  return time
}

async function measureSingle(node: TestNode, containerd: TestContainerd, folder: string): Promise<BenchResult[]> {
  const spec = await node.shell('single', '', { args: GREETING })
  const ctr = ['--address', containerd.socket, '--namespace', NAMESPACE]
  const bundle = path.join(folder, 'bundle')
  mkdirSync(path.join(bundle, 'mounted'), { recursive: true })
  execFileSync('ctr', [...ctr, 'images', 'mount', spec.image, path.join(bundle, 'mounted')], { stdio: 'ignore' })
  execFileSync('cp', ['-a', path.join(bundle, 'mounted'), path.join(bundle, 'rootfs')])
  execFileSync('ctr', [...ctr, 'images', 'unmount', '--rm', path.join(bundle, 'mounted')], { stdio: 'ignore' })
  const oci = buildOciSpec({ ...spec, id: 'runc' }, `/${NAMESPACE}/runc`, readSeccompProfile(process.arch))
  writeFileSync(path.join(bundle, 'config.json'), JSON.stringify(oci))

  const network = createNetwork({ namespace: NAMESPACE, host: createHost(), folder: path.join(folder, 'network') })
  const times = { ours: [] as number[], ctr: [] as number[], runc: [] as number[], network: [] as number[] }
  try {
    // One of each first: caches are warm for all.
    for (let round = -1; round < ROUNDS; round += 1) {
      const ours = await startOurs(node, folder, spec)
      await node.runtime.collect(spec.id)
      const ctrRun = await firstByteOf('ctr', [...ctr, 'run', '--rm', spec.image, `ctr-${String(round + 1)}`, ...GREETING])
      const runcRun = await firstByteOf('runc', [
        '--root',
        path.join(folder, 'runc'),
        'run',
        '--bundle',
        bundle,
        `${NAMESPACE}-${String(round + 1)}`,
      ])
      const before = performance.now()
      await network.attach('single', [{ ip: '127.0.0.1', port: 26_990, protocol: 'both', containerPort: 26_990 }])
      const attached = since(before)
      await network.detach('single')
      if (round < 0) continue
      times.ours.push(ours)
      times.ctr.push(ctrRun)
      times.runc.push(runcRun)
      times.network.push(attached)
    }
  } finally {
    await network.teardown()
    await node.runtime.remove(spec.id)
  }
  return [
    millisecondsResult('start: order to first output, network apart', times.ours, 0.9, { name: 'ctr run', samples: times.ctr }),
    millisecondsResult('start: order to first output beside runc', times.ours, null, { name: 'runc run', samples: times.runc }),
    millisecondsResult('start: network set-up', times.network, null, null),
  ]
}

async function measureParallel(node: TestNode, containerd: TestContainerd, folder: string): Promise<BenchResult> {
  const ids = Array.from({ length: PARALLEL }, (_, index) => `parallel-${String(index)}`)
  const specs = await Promise.all(ids.map((id) => node.shell(id, '', { args: LASTING })))
  const image = specs[0]?.image ?? ''
  for (const spec of specs) await node.runtime.prepare(spec)
  const ctr = ['--address', containerd.socket, '--namespace', NAMESPACE]
  const times = { ours: [] as number[], ctr: [] as number[] }
  for (let round = 0; round < PARALLEL_ROUNDS; round += 1) {
    let start = performance.now()
    await Promise.all(specs.map((spec) => startOurs(node, folder, spec)))
    times.ours.push(since(start))
    await Promise.all(ids.map((id) => node.runtime.signal(id, 'SIGKILL')))
    for (const id of ids) while ((await node.runtime.collect(id)) === null) await new Promise(setImmediate)

    const names = ids.map((id) => `ctr-${id}-${String(round)}`)
    start = performance.now()
    await Promise.all(names.map((name) => execute('ctr', [...ctr, 'run', '--detach', image, name, ...LASTING])))
    times.ctr.push(since(start))
    for (const name of names) await node.runtime.remove(name)
  }
  for (const id of ids) await node.runtime.remove(id)
  return millisecondsResult(`start: ${String(PARALLEL)} at once to the last first output`, times.ours, 0.75, {
    name: `${String(PARALLEL)} × ctr run -d`,
    samples: times.ctr,
  })
}

/** From a third party's mutation to the first text of the game at its console subscription, the whole product between. */
async function measureProduct(networkMs: number): Promise<BenchResult[]> {
  const product = await startProduct({ name: 'bench', firstGamePort: 26_900 })
  const times: number[] = []
  try {
    const client = await product.administrator()
    const template = await importTestTemplate(client, 'printer')
    const variables = [{ name: 'LINES', value: '0' }]
    const id = await createServer(client, {
      name: 'Bench',
      templateId: template,
      memoryMiB: 64,
      cpuPercent: 100,
      diskMiB: 64,
      variables,
      start: true,
    })
    await untilServer(client, id, (server) => server.status === 'RUNNING', 120_000)
    await power(client, 'kill', id)
    await untilServer(client, id, (server) => server.status === 'STOPPED', 30_000)
    const reader = readConsole(() => createThirdParty(product.url, client.token), id)
    const greetings = () => reader.output().split('printer ready').length - 1
    await reader.until(() => greetings() === 1, 30_000)
    for (let round = 0; round < PRODUCT_ROUNDS; round += 1) {
      const before = greetings()
      const start = performance.now()
      await power(client, 'start', id)
      await reader.until(() => greetings() > before, 30_000)
      times.push(since(start))
      await power(client, 'kill', id)
      await untilServer(client, id, (server) => server.status === 'STOPPED', 30_000)
    }
    await reader.stop()
    await client.dispose()
  } finally {
    await product.dispose()
  }
  const without = times.map((time) => time - networkMs)
  return [
    millisecondsResult('start: mutation to first console text', times, null, null),
    millisecondsResult('start: mutation to first console text, without network set-up', without, 150, null),
  ]
}

const reason = whyNoContainerd()
if (reason !== null) {
  process.stderr.write(`The benchmark cannot run here: ${reason}\n`)
  process.exit(1)
}
const results: BenchResult[] = []
const add = (...found: BenchResult[]) => {
  for (const result of found) process.stdout.write(`${describeResult(result)}\n`)
  results.push(...found)
}
const containerd = await startContainerd()
try {
  const node = await createTestNode(containerd, NAMESPACE)
  const folder = path.join(containerd.folder, 'bench')
  mkdirSync(folder)
  try {
    add(...(await measureSingle(node, containerd, folder)))
    add(await measureParallel(node, containerd, folder))
  } finally {
    await node.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
} finally {
  await containerd.dispose()
}
const network = results.find((result) => result.name.endsWith('network set-up'))
if (!process.argv.includes('--node-only')) add(...(await measureProduct(median([network?.figure ?? 0]))))
process.stdout.write(`${JSON.stringify(results)}\n`)
