import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { appendFile, copyFile, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Engine } from './engine.ts'

const execute = promisify(execFile)

const SUITE = 'bookworm'
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'udev', 'dbus', 'openssh-server', 'kmod', 'procps', 'ca-certificates', 'iproute2'],
  // What a node needs: dpkg is slow in a guest, so it is there already.
  ...['containerd', 'runc', 'tini', 'mmdebstrap', 'iptables', 'conntrack'],
]
const SERVICES = ['systemd-networkd', 'systemd-network-generator']
const MODULES = '/usr/lib/uml/modules'
const CERTIFICATES = '/usr/local/share/ca-certificates'

/** A disk with Debian on it, and what is needed to boot it and to get in. */
export type GuestImage = { disk: string; /** Private key of root. */ key: string; kernel: string; initrd: string }

/** Where packages come from: this machine's own Debian sources. @throws when they are of another release */
function sources(): string {
  const file = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].find((name) => existsSync(name))
  const text = file === undefined ? '' : readFileSync(file, 'utf8').replaceAll(/^#.*\n/gm, '')
  if (!text.includes(SUITE)) throw new Error(`the package sources of this machine are not of Debian ${SUITE}, which the guest is made of`)
  return text
}

/** Makes the tree a machine that can be booted by either engine, entered with our key, and reached at the address it is told. */
async function furnish(tree: string, key: string): Promise<void> {
  const inTree = (...names: string[]) => path.join(tree, ...names)
  const chroot = (...args: string[]) => execute('chroot', [tree, ...args])
  for (const version of existsSync(MODULES) ? await readdir(MODULES) : []) {
    await cp(path.join(MODULES, version), inTree('lib', 'modules', version), { recursive: true })
    await execute('depmod', ['-b', tree, version])
  }
  await mkdir(inTree('root', '.ssh'), { recursive: true, mode: 0o700 })
  await copyFile(`${key}.pub`, inTree('root', '.ssh', 'authorized_keys'))
  await writeFile(inTree('etc', 'hostname'), 'guest\n')
  await writeFile(inTree('etc', 'hosts'), '127.0.0.1 localhost\n127.0.1.1 guest\n')
  await writeFile(inTree('etc', 'machine-id'), '')
  await writeFile(inTree('etc', 'fstab'), 'LABEL=root / ext4 defaults 0 1\n')
  await rm(inTree('etc', 'resolv.conf'), { force: true })
  await writeFile(inTree('etc', 'resolv.conf'), 'nameserver 10.0.2.3\n')
  await chroot('systemctl', '-q', 'enable', ...SERVICES)
  await chroot('systemctl', '-q', 'mask', 'systemd-networkd-wait-online', 'apt-daily.timer', 'apt-daily-upgrade.timer')
  // The kernel of the one engine has no nf_tables.
  if (existsSync(inTree('usr', 'sbin', 'iptables-legacy')))
    await chroot('update-alternatives', '--quiet', '--set', 'iptables', '/usr/sbin/iptables-legacy')
  // This machine's own certificate authorities, if it has any: package sources may be behind them.
  const authorities = globSync(path.join(CERTIFICATES, '*.crt'))
  for (const file of authorities) await copyFile(file, inTree(CERTIFICATES, path.basename(file)))
  if (authorities.length > 0) {
    await chroot('update-ca-certificates')
    await appendFile(inTree('etc', 'environment'), 'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n')
  }
}

async function build(folder: string, engine: Engine): Promise<void> {
  const tree = path.join(folder, 'tree')
  const key = path.join(folder, 'key')
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key, '-C', 'guest'])
  const list = path.join(folder, 'sources')
  await writeFile(list, sources())
  const kernel = engine === 'kvm' ? ['linux-image-cloud-amd64', 'initramfs-tools'] : []
  const packages = [...PACKAGES, ...kernel].join(',')
  const options = ['--mode=root', '--variant=apt', '--aptopt=Apt::Install-Recommends "false"', `--include=${packages}`]
  await execute('mmdebstrap', [...options, SUITE, tree, list], { maxBuffer: 64 * 2 ** 20 })
  await furnish(tree, key)
  for (const [pattern, name] of [
    ['vmlinuz-*', 'kernel'],
    ['initrd.img-*', 'initrd'],
  ] as const)
    for (const file of globSync(path.join(tree, 'boot', pattern))) await copyFile(file, path.join(folder, name))
  const disk = path.join(folder, 'disk')
  await execute('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'root', '-d', tree, disk, '8G'])
  await rm(tree, { recursive: true })
  await rm(list)
}

/** The image for an engine; built in some minutes when there is none of the same content, and kept in the cache of the user. */
export async function ensureGuestImage(engine: Engine, say: (text: string) => void): Promise<GuestImage> {
  const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'catalyst', 'guests')
  const kernels = existsSync(MODULES) ? (await readdir(MODULES)).join() : ''
  const hash = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(kernels)
    .update(sources())
  const folder = path.join(cache, `${engine}-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true, mode: 0o700 })
    // Earlier contents, and what a build left that was cut short.
    for (const name of await readdir(cache)) if (name.startsWith(`${engine}-`)) await rm(path.join(cache, name), { recursive: true })
    say(`building the guest's disk (${engine}), a minute or two`)
    const workshop = await mkdtemp(path.join(cache, `${engine}-build-`))
    await build(workshop, engine)
    await rename(workshop, folder)
  }
  const inFolder = (name: string) => path.join(folder, name)
  return { disk: inFolder('disk'), key: inFolder('key'), kernel: inFolder('kernel'), initrd: inFolder('initrd') }
}
