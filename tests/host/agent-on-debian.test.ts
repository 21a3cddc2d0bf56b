import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import { readConsole, type ConsoleReader } from '../support/console-reader.ts'
import { whyNoGuest } from '../support/guest/engine.ts'
import { startGuest, type Guest } from '../support/guest/guest.ts'
import { HOST_SEEN_BY_GUESTS } from '../support/guest/network.ts'
import { productArchive } from '../support/guest/product-archive.ts'
import { createServer, importTestTemplate, mutate, power, sendConsoleCommand } from '../support/scenario.ts'
import { createThirdParty, type ThirdParty } from '../support/third-party.ts'

const reason = whyNoGuest()
const MINUTE_MS = 60_000
const HOME = '/srv/catalyst'
const UNIT = 'catalyst-agent'
const SETTINGS = '/etc/catalyst/catalyst-agent.env'

type ServerView = { state: string; isStale: boolean; problem: { message: string } | null; metrics: { memoryBytes: number } | null }

// One machine's life, told in order: each test finds what the one before has left.
describe.skipIf(reason !== null)(`an agent on a machine of its own${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  let api: TestApi
  let client: ThirdParty
  let guest: Guest
  let url: string
  let token: string
  let serverId: string
  let console: ConsoleReader
  /** What takes back what was made, newest last. */
  const cleanups: (() => Promise<void>)[] = []

  beforeAll(async () => {
    api = await startApi()
    cleanups.push(api.dispose)
    client = await api.administrator()
    guest = await startGuest((text) => process.stdout.write(`${text}\n`))
    cleanups.push(guest.dispose)
    process.stdout.write(`the guest runs by ${guest.engine}\n`)
    await guest.put('tar', productArchive(), HOME)
    url = `ws://${HOST_SEEN_BY_GUESTS}:${new URL(api.url).port}/agent`
    const input = { name: 'guest', address: guest.address, firstPort: 25_500, lastPort: 25_519 }
    ;({ token } = await mutate<{ token: string }>(client, 'createEnrolmentToken', 'CreateEnrolmentTokenInput', 'token', input))
  }, 10 * MINUTE_MS)
  afterAll(async () => {
    for (const takeBack of cleanups.reverse()) await takeBack()
  })

  /** As an operator types it, with the Node that came with the product. */
  const npmRun = (script: string, ...args: string[]) =>
    guest.run(`cd ${HOME} && PATH=$PWD/node_modules/.bin:$PATH && node scripts/launch.mjs ${script} ${args.join(' ')} 2>&1`, 2 * MINUTE_MS)
  const node = async () => {
    const fields = 'id isOnline serverCount runtime { name cgroupVersion }'
    type View = { id: string; isOnline: boolean; serverCount: number; runtime: { name: string; cgroupVersion: number } | null }
    return (await client.query<{ nodes: { nodes: View[] } }>(`{ nodes(first: 10) { nodes { ${fields} } } }`)).nodes.nodes[0]
  }
  const server = async () => {
    const document = 'query ($id: ID!) { server(id: $id) { state isStale problem { message } metrics { memoryBytes } } }'
    return (await client.query<{ server: ServerView }>(document, { id: serverId })).server
  }
  const until = (read: () => Promise<unknown>, wanted: unknown, timeout: number) =>
    expect.poll(read, { timeout, interval: 200 }).toEqual(wanted)
  const state = async () => {
    const { state: word, isStale, problem } = await server()
    return problem === null ? `${word}${isStale ? ', stale' : ''}` : `${word}: ${problem.message}`
  }
  const isOnline = async () => (await node())?.isOnline
  /** Process of the game as the guest sees it. */
  const gamePid = async () => (await guest.run("pgrep -f '^/usr/bin/perl .*catalyst-printer$'")).trim()
  /** The whole way: typed here, read by the game, printed, read here. */
  async function speak(word: string): Promise<void> {
    await sendConsoleCommand(client, serverId, word)
    await console.until((output) => output.includes(`you said\u001b[0m ${word}`), MINUTE_MS)
  }

  it('is refused with the reason without a token, with a wrong one, and without the address of the api', async () => {
    await expect(npmRun('install-agent')).rejects.toThrow('Where the api is, is not known.')
    await expect(npmRun('install-agent', '--url', url)).rejects.toThrow('CATALYST_AGENT_ALLOW_INSECURE')
    await expect(npmRun('install-agent', '--url', url, '--allow-insecure')).rejects.toThrow('there is no token')
    await expect(npmRun('install-agent', '--url', url, '--allow-insecure', '--token', 'wrong')).rejects.toThrow(/token/i)
    expect(await guest.run(`ls /etc/systemd/system/${UNIT}.service ${SETTINGS} 2>/dev/null | wc -l`)).toBe('0\n')
  })

  it('is installed, enrolled and started by one command, and again without harm', async () => {
    await npmRun('install-agent', '--url', url, '--allow-insecure', '--token', token)
    await until(isOnline, true, MINUTE_MS)
    const enrolled = await node()
    expect(enrolled?.runtime).toEqual({ name: 'containerd', cgroupVersion: 2 })
    expect(await guest.run(`systemctl is-enabled ${UNIT}; systemctl is-active ${UNIT}; stat -c %a ${SETTINGS}`)).toBe(
      'enabled\nactive\n600\n',
    )
    expect(await npmRun('install-agent', '--token', token)).toContain(`This machine is node ${enrolled?.id ?? ''}`)
    await until(isOnline, true, MINUTE_MS)
  })

  it('runs a game: console both ways, limits by the kernel, measurements', async () => {
    serverId = await createServer(client, {
      name: 'Printer',
      templateId: await importTestTemplate(client, 'printer'),
      memoryMiB: 128,
      cpuPercent: 50,
      diskMiB: 512,
      variables: [
        { name: 'LINES_PER_SECOND', value: '20' },
        { name: 'LINES', value: '1000000' },
      ],
      start: true,
    })
    console = readConsole(() => createThirdParty(api.url, client.token), serverId)
    cleanups.push(console.stop)
    await until(state, 'RUNNING', 4 * MINUTE_MS)
    await speak('hello')
    await until(async () => ((await server()).metrics?.memoryBytes ?? 0) > 0, true, 2 * MINUTE_MS)
    const group = `/sys/fs/cgroup$(cut -d: -f3 /proc/${await gamePid()}/cgroup)`
    expect(await guest.run(`cat ${group}/memory.max ${group}/memory.swap.max ${group}/cpu.max`)).toBe(
      `${String(128 * 2 ** 20)}\n0\n50000 100000\n`,
    )
    expect(console.violations).toEqual([])
  })

  it('is upgraded in place, and restarted by systemd after a kill, without the game noticing', async () => {
    const pid = await gamePid()
    const agents = `systemctl show --value -p MainPID ${UNIT}`
    const first = await guest.run(agents)
    await guest.put('tar', productArchive(), HOME)
    await npmRun('install-agent')
    await until(isOnline, true, MINUTE_MS)
    const second = await guest.run(agents)
    expect(second).not.toBe(first)
    await guest.run(`systemctl kill -s KILL ${UNIT}`)
    await expect.poll(() => guest.run(agents), { timeout: MINUTE_MS }).not.toMatch(new RegExp(`^(0|${second.trim()})\n`))
    await until(isOnline, true, MINUTE_MS)
    await speak('upgraded')
    expect(await gamePid()).toBe(pid)
    expect(console.violations).toEqual([])
  })

  it('goes on over a slow and lossy link, and through a cut', async () => {
    const pid = await gamePid()
    const card = guest.engine === 'uml' ? 'vec0' : 'eth0'
    await guest.run(`tc qdisc add dev ${card} root netem delay 300ms 50ms loss 5%`)
    await speak('slowly')
    await guest.run(`tc qdisc del dev ${card} root`)

    await guest.cut()
    const since = performance.now()
    await until(state, 'RUNNING, stale', 2 * MINUTE_MS)
    const seenMs = performance.now() - since
    await guest.heal()
    const healed = performance.now()
    await until(state, 'RUNNING', 2 * MINUTE_MS)
    await speak('healed')
    process.stdout.write(
      `silence of the link seen after ${(seenMs / 1000).toFixed(1)} s; the truth again ${((performance.now() - healed) / 1000).toFixed(1)} s after it healed\n`,
    )
    // Five times what is promised is the most that a slow machine may take.
    expect(seenMs).toBeLessThan(150_000)
    expect(await gamePid()).toBe(pid)
    expect(console.violations).toEqual([])
  })

  it('brings back what was wanted after a reboot', async () => {
    await guest.reboot()
    await until(isOnline, true, MINUTE_MS)
    await until(state, 'RUNNING', 2 * MINUTE_MS)
    await speak('rebooted')
    expect(console.violations).toEqual([])
  })

  it('brings back what was wanted after a loss of power, and not what was not', async () => {
    await power(client, 'stop', serverId)
    await until(state, 'STOPPED', MINUTE_MS)
    await guest.run('sync')
    await guest.powerCut()
    await until(isOnline, false, 2 * MINUTE_MS)
    await guest.powerOn()
    await until(isOnline, true, MINUTE_MS)
    expect(await state()).toBe('STOPPED')
    await power(client, 'start', serverId)
    await until(state, 'RUNNING', MINUTE_MS)
    await speak('started')
    // From one moment to the next, under writing.
    await guest.powerCut()
    await guest.powerOn()
    await until(isOnline, true, MINUTE_MS)
    await until(state, 'RUNNING', 2 * MINUTE_MS)
    await speak('powered')
    expect(console.violations).toEqual([])
  })

  it('is uninstalled only without games or by name, and leaves nothing behind', async () => {
    await expect(npmRun('uninstall-agent')).rejects.toThrow('One game runs on this machine.')
    await speak('still here')
    await npmRun('uninstall-agent', '--end-games', '--delete-files')
    const traces = [
      `ls /etc/systemd/system/${UNIT}.service /etc/catalyst /var/lib/catalyst 2>/dev/null`,
      'ip netns list',
      'ip -br link | grep ^cat',
      'ip route | grep unreachable',
      "iptables-save | grep -e '^:catalyst' -e '-j catalyst'",
      'ls -d /sys/fs/cgroup/catalyst* 2>/dev/null',
      'ctr namespaces list -q | grep catalyst',
      // Brackets, so that it does not find itself.
      "pgrep -af '[c]ontainerd-shim|[c]atalyst-printer'",
      'grep catalyst /proc/mounts',
    ]
    expect(await guest.run(`${traces.join('; ')}; true`)).toBe('')
    expect(await npmRun('uninstall-agent')).toContain('There is no service')
    await until(isOnline, false, MINUTE_MS)
  })
})
