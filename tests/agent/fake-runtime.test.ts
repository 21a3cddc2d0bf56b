import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe } from 'vitest'
import { createFakeRuntime } from '../../agent/src/runtime/fake/fake-runtime.ts'
import { testRuntimeContract } from '../support/runtime-contract.ts'

describe('fake runtime', () => {
  testRuntimeContract(() => {
    const folder = mkdtempSync(path.join(tmpdir(), 'catalyst-fake-'))
    const runtime = createFakeRuntime(() => new Date())
    return Promise.resolve({
      runtime,
      folder,
      specOf(id, kind) {
        runtime.script(id, { output: 'hello\n', echoesStdin: true, quitsOn: 'quit', hangsOnStop: kind === 'stubborn' })
        return {
          id,
          image: 'none',
          args: [],
          env: {},
          workingDirectory: '/data',
          user: { uid: 200_000, gid: 200_000 },
          hostname: 'fake',
          mounts: [],
          limits: { memoryMiB: 64, cpuPercent: 100, cpuset: '', pids: 32 },
          readOnlyRoot: true,
          networkNamespace: null,
          labels: {},
        }
      },
      dispose() {
        rmSync(folder, { recursive: true, force: true })
        return Promise.resolve()
      },
    })
  })
})
