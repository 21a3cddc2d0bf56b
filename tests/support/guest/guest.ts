import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pipeline } from 'node:stream/promises'
import { chooseEngine, GUEST_MEMORY_MIB, type Engine } from './engine.ts'
import { ensureGuestImage, type GuestImage } from './image.ts'
import { clearLeftovers, NAME_PREFIX } from './leftovers.ts'
import { createGuestNetwork, type GuestNetwork } from './network.ts'

const BOOT_TIMEOUT_MS = 180_000
const SHUTDOWN_TIMEOUT_MS = 90_000
const ADDRESS = '10.0.2.11'

/** A real Debian machine with its own kernel and systemd, and the faults that machines have. */
export type Guest = {
  engine: Engine
  /** Its address in its network. */
  address: string
  /** Output of a shell command; rejects with what it wrote when it fails or takes longer than the limit. */
  run(command: string, timeoutMs?: number): Promise<string>
  /** Unpacks a tar stream, made by this command of this machine, into a folder. */
  put(command: string, args: readonly string[], folder: string): Promise<void>
  /** Takes its cable out, and puts it back. */
  cut(): Promise<void>
  heal(): Promise<void>
  /** As an operator does it: `systemctl reboot`. Resolves when it answers again. */
  reboot(): Promise<void>
  /** From one moment to the next; what it had not written to its disk is lost. */
  powerCut(): Promise<void>
  /** Boots the same disk again; resolves when it answers. */
  powerOn(): Promise<void>
  /** Kills it and removes its disk and network. */
  dispose(): Promise<void>
}

/** Where the guest's memory lies: in memory, if there is room. */
async function memoryFolder(): Promise<string> {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }))
  return bavail * bsize > GUEST_MEMORY_MIB * 2 ** 20 ? '/dev/shm' : tmpdir()
}

function commandOf(engine: Engine, image: GuestImage, folder: string, name: string, cable: string): string[] {
  const mac = '02:00:00:00:00:11'
  const net = (device: string) => `ip=${ADDRESS}::10.0.2.2:255.255.255.0:${name}:${device}:off:10.0.2.3`
  const common = ['ro', `systemd.hostname=${name}`]
  if (engine === 'uml') {
    const disk = [`ubd0=${path.join(folder, 'disk.cow')},${image.disk}`, 'root=/dev/ubda']
    const card = [`vec0:transport=tap,ifname=${cable},depth=128,mac=${mac}`, net('vec0')]
    const terminals = ['con=null', 'con0=null,fd:2', 'con1=null', 'ssl=null', 'console=tty0']
    const memory = `mem=${String(GUEST_MEMORY_MIB)}M`
    // A reboot in place would find its cable taken by itself: it ends instead, and is started again.
    return ['linux.uml', memory, `umid=${name}`, `uml_dir=${folder}`, 'noreboot', ...disk, ...common, ...card, ...terminals]
  }
  const disk = `if=none,id=d0,file=${path.join(folder, 'disk.qcow2')},format=qcow2,discard=unmap`
  const kernel = ['root=/dev/vda', 'console=ttyS0', 'net.ifnames=0', 'quiet', ...common, net('eth0')].join(' ')
  return [
    ...['qemu-system-x86_64', '-name', name, '-accel', 'kvm', '-cpu', 'host', '-M', 'q35', '-smp', '2', '-m', String(GUEST_MEMORY_MIB)],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', kernel],
    ...['-drive', disk, '-device', 'virtio-blk-pci,drive=d0', '-device', 'virtio-rng-pci'],
    ...['-netdev', `tap,id=n0,ifname=${cable},script=no,downscript=no`, '-device', `virtio-net-pci,netdev=n0,mac=${mac}`],
  ]
}

/** Boots a guest on a fresh copy of the image's disk; resolves when it answers. */
export async function startGuest(say: (text: string) => void): Promise<Guest> {
  await clearLeftovers()
  const engine = chooseEngine()
  const image = await ensureGuestImage(engine, say)
  const name = `${NAME_PREFIX}${String(process.pid)}`
  const folder = await mkdtemp(path.join(tmpdir(), `${name}-`))
  const logFile = path.join(folder, 'console.log')
  let network: GuestNetwork | null = null
  let cable = ''
  let machine: ChildProcess | null = null

  const log = () => readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n')
  const ssh = [
    ...['netns', 'exec', name, 'ssh', '-q', '-i', image.key, '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=10', `root@${ADDRESS}`],
  ]

  function run(command: string, timeoutMs = 60_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile('ip', [...ssh, command], { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`the guest failed at: ${command}\n${stdout}${stderr}${error.killed === true ? '(no answer in time)' : ''}`))
      })
      child.stdin?.end()
    })
  }

  const isAlive = () => machine !== null && machine.exitCode === null && machine.signalCode === null

  async function powerOn(): Promise<void> {
    const [command = '', ...args] = commandOf(engine, image, folder, name, cable)
    const fd = openSync(logFile, 'a')
    const env = { ...process.env, TMPDIR: await memoryFolder() }
    // A process group of its own: a user-mode kernel runs its programs as processes of this machine.
    const started = spawn('ip', ['netns', 'exec', name, command, ...args], { detached: true, stdio: ['ignore', fd, fd], env })
    closeSync(fd)
    machine = started
    const deadline = performance.now() + BOOT_TIMEOUT_MS
    for (;;) {
      if (!isAlive()) throw new Error(`the guest ended:\n${log()}`)
      if (performance.now() > deadline) throw new Error(`the guest does not answer:\n${log()}`)
      if (await run('true', 5000).then(Boolean.bind(null, true), () => false)) return
      await delay(200)
    }
  }

  async function powerCut(): Promise<void> {
    const { pid } = machine ?? {}
    if (machine === null || pid === undefined || !isAlive()) return
    const exit = once(machine, 'exit')
    process.kill(-pid, 'SIGKILL')
    await exit
  }

  async function dispose(): Promise<void> {
    await powerCut()
    await network?.dispose()
    await rm(folder, { recursive: true, force: true })
  }

  try {
    network = await createGuestNetwork(name)
    cable = await network.plug(1)
    if (engine === 'kvm') {
      const args = ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, path.join(folder, 'disk.qcow2')]
      await once(spawn('qemu-img', args, { stdio: 'ignore' }), 'exit')
    }
    await powerOn()
  } catch (error) {
    await dispose()
    throw error
  }
  const { cut, heal } = network
  return {
    engine,
    address: ADDRESS,
    run,
    async put(command, args, target) {
      const source = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const sink = spawn('ip', [...ssh, `mkdir -p ${target} && tar -C ${target} -xf -`], { stdio: ['pipe', 'ignore', 'inherit'] })
      const ended = once(sink, 'exit')
      await pipeline(source.stdout, sink.stdin)
      const [code] = (await ended) as [number | null]
      if (code !== 0) throw new Error(`the guest could not unpack the files (${String(code)})`)
    },
    cut: () => cut(cable),
    heal: () => heal(cable),
    async reboot() {
      if (machine === null) throw new Error('the guest is off')
      const exit = once(machine, 'exit')
      const timer = setTimeout(() => void powerCut(), SHUTDOWN_TIMEOUT_MS)
      // The connection ends with the machine.
      await run('systemctl reboot').catch(() => undefined)
      await exit
      clearTimeout(timer)
      await powerOn()
    },
    powerCut,
    powerOn,
    dispose,
  }
}
