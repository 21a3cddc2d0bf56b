import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { run } from './start/run.ts'

// Makes agent/src/runtime/containerd/generated of the definitions beside it. Its result is committed: run it when they change.

const root = path.resolve(import.meta.dirname, '..')
const containerd = path.join(root, 'agent', 'src', 'runtime', 'containerd')
const bin = path.join(root, 'node_modules', '.bin')

const options = [
  'env=node',
  'esModuleInterop=true',
  'forceLong=bigint',
  'outputServices=nice-grpc',
  'outputServices=generic-definitions',
  'importSuffix=.ts',
  'useExactTypes=false',
  'outputJsonMethods=false',
  'useDate=false',
  'oneof=unions-value',
  // Node strips types only: no enums.
  'enumsAsLiterals=true',
]
const folder = await mkdtemp(path.join(os.tmpdir(), 'catalyst-buf-'))
try {
  const template = {
    version: 'v2',
    plugins: [{ local: path.join(bin, 'protoc-gen-ts_proto'), out: path.join(containerd, 'generated'), strategy: 'all', opt: options }],
  }
  await writeFile(path.join(folder, 'buf.gen.yaml'), JSON.stringify(template))
  await writeFile(path.join(folder, 'buf.yaml'), JSON.stringify({ version: 'v2', modules: [{ path: '.' }] }))
  await rm(path.join(containerd, 'generated'), { recursive: true, force: true })
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH'] ?? ''}` }
  await run(path.join(bin, 'buf'), ['generate', path.join(containerd, 'proto'), '--template', path.join(folder, 'buf.gen.yaml')], {
    cwd: folder,
    env,
  })
} finally {
  await rm(folder, { recursive: true, force: true })
}
