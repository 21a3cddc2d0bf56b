import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Lets a process of a product end at a step of its work. */
export type StepKill = {
  /** What the product is started with. */
  environment: Record<string, string>
  /** Chooses the step, of one server or of any. */
  arm(step: string, serverId?: string): void
  /** Resolves with the moment of the kill; rejects when the step was not come to within `timeoutMs`. */
  killed(timeoutMs: number): Promise<number>
  disarm(): void
  dispose(): void
}

export function createStepKill(): StepKill {
  const folder = mkdtempSync(path.join(tmpdir(), 'catalyst-step-'))
  const file = path.join(folder, 'plan')
  let armed = ''
  const disarm = () => {
    rmSync(file, { force: true })
    rmSync(`${file}.done`, { force: true })
  }
  return {
    environment: {
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'kill-at-step.ts')}`,
      CATALYST_KILL_AT_STEP: file,
    },
    arm(step, serverId) {
      disarm()
      armed = step
      // Whole at once: it is read at any moment.
      writeFileSync(`${file}.new`, JSON.stringify({ step, ...(serverId === undefined ? {} : { serverId }) }))
      renameSync(`${file}.new`, file)
    },
    async killed(timeoutMs) {
      const deadline = performance.now() + timeoutMs
      while (!existsSync(`${file}.done`)) {
        if (performance.now() > deadline) throw new Error(`step ${armed} was not come to within ${String(timeoutMs)} ms`)
        await delay(5)
      }
      return performance.now()
    },
    disarm,
    dispose() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
