import type { WorkloadStatus } from '../runtime/runtime.ts'
import type { Assignment, CommandKind } from '../state/records.ts'
import type { Store } from '../state/store.ts'
import type { RunnerDeps } from './ports.ts'
import type { RunnerListener } from './runner-core.ts'
import { createServerRunner, type ServerRunner } from './server-runner.ts'

/** A command as it arrives. */
export type IncomingCommand = {
  id: string
  serverId: string
  kind: CommandKind
  generation: number
  deadlineSeconds: number
  consoleInput: string | null
  actor: string
  installationId: string | null
}

/** The servers of this node. */
export type ServerRegistry = {
  all(): ServerRunner[]
  get(serverId: string): ServerRunner | undefined
  /** Takes up what the runtime shows: before any order is accepted. One bad server does not block the others. */
  boot(statuses: readonly WorkloadStatus[], isReboot: boolean): Promise<void>
  assign(assignment: Assignment): { runner: ServerRunner; isNew: boolean }
  command(command: IncomingCommand): void
  acknowledge(serverId: string, position: number): void
  /** The api knows that a removed server is gone. */
  forget(serverId: string): void
  /** Tells a listener what happens until the returned function is called. */
  listen(listener: RunnerListener): () => void
  close(): void
}

const BOOT_PARALLEL = 4

export function createServerRegistry(
  deps: RunnerDeps,
  store: Store,
  onBootError: (serverId: string, error: unknown) => void,
): ServerRegistry {
  const runners = new Map<string, ServerRunner>()
  const listeners = new Set<RunnerListener>()
  /** What runs in our namespace and is not in the store: the store was lost. It is taken up when the api assigns it. */
  const strangers = new Map<string, WorkloadStatus>()
  const tell: RunnerListener = {
    reported: (record) => {
      for (const listener of listeners) listener.reported(record)
    },
    consoleChanged: (serverId) => {
      for (const listener of listeners) listener.consoleChanged(serverId)
    },
    installationChanged: (installation) => {
      for (const listener of listeners) listener.installationChanged(installation)
    },
    finished: () => {
      for (const listener of listeners) listener.finished()
    },
    happened: () => {
      for (const listener of listeners) listener.happened()
    },
  }
  for (const record of store.servers()) runners.set(record.id, createServerRunner(deps, store, tell, record))

  /** Orders that an earlier life of the agent took and did not finish. */
  function resumeCommands(isReboot: boolean): void {
    for (const command of store.openCommands()) {
      const runner = runners.get(command.serverId)
      const end = (errorCode: string, error: string) => {
        store.finishCommand({ commandId: command.id, status: 'FAILED', errorCode, error })
      }
      if (runner === undefined) end('REMOVED', 'The server was deleted.')
      else if (command.kind === 'CONSOLE_INPUT')
        end('OUTCOME_UNKNOWN', 'The agent was restarted while it wrote this; it is not written twice.')
      else if (command.kind === 'RESTART' && (runner.record().runningSince ?? '') > command.receivedAt)
        store.finishCommand({ commandId: command.id, status: 'DONE', errorCode: null, error: null })
      else if (command.kind === 'RESTART' && isReboot)
        // The boot policy has decided.
        store.finishCommand({ commandId: command.id, status: 'SUPERSEDED', errorCode: null, error: null })
      else runner.command(command)
    }
  }

  return {
    all: () => [...runners.values()],
    get: (serverId) => runners.get(serverId),

    async boot(statuses, isReboot) {
      const byId = new Map(statuses.map((status) => [status.id, status]))
      for (const status of statuses) if (!runners.has(status.id)) strangers.set(status.id, status)
      const pending = [...runners.values()]
      const work = async () => {
        for (let runner = pending.shift(); runner !== undefined; runner = pending.shift()) {
          try {
            await runner.boot(byId.get(runner.id), isReboot)
          } catch (error) {
            onBootError(runner.id, error)
          }
        }
      }
      // An install that was cut is not continued: its container goes.
      for (const { id, labels } of statuses) {
        if (labels['catalyst/install'] === undefined) continue
        try {
          await deps.runtime.remove(id)
          await deps.network.detach(id)
        } catch (error) {
          onBootError(id, error)
        }
      }
      await Promise.all(Array.from({ length: BOOT_PARALLEL }, work))
      resumeCommands(isReboot)
    },

    assign(assignment) {
      const known = runners.get(assignment.serverId)
      if (known !== undefined) {
        known.assign(assignment)
        return { runner: known, isNew: false }
      }
      const record = store.server(assignment.serverId) ?? store.addServer(assignment)
      const runner = createServerRunner(deps, store, tell, record)
      runners.set(runner.id, runner)
      const stranger = strangers.get(runner.id)
      strangers.delete(runner.id)
      if (stranger === undefined) runner.assign(assignment)
      else
        runner.boot(stranger, false).then(
          () => {
            runner.report()
          },
          (error: unknown) => {
            onBootError(runner.id, error)
          },
        )
      return { runner, isNew: true }
    },

    command(command) {
      const { deadlineSeconds, ...rest } = command
      const runner = runners.get(command.serverId)
      const isNew = store.addCommand({ ...rest, receivedAt: deps.now().toISOString() })
      const result = store.result(command.id)
      if (!isNew) {
        // Delivered again: the stored answer is given again; one without an answer is still being worked on.
        if (result !== null) {
          store.repeatResult(command.id)
          tell.finished()
        }
        return
      }
      const answer = (status: 'EXPIRED' | 'FAILED', errorCode: string, error: string) => {
        const refused = { commandId: command.id, status, errorCode, error }
        store.finishCommand(refused)
        tell.finished()
      }
      if (deadlineSeconds <= 0) answer('EXPIRED', 'EXPIRED', 'The order came too late.')
      else if (runner === undefined) answer('FAILED', 'NOT_ASSIGNED', 'This node does not have the server.')
      else runner.command({ ...rest, receivedAt: deps.now().toISOString() })
    },

    acknowledge(serverId, position) {
      const runner = runners.get(serverId)
      if (runner === undefined) return
      void runner.console.stream.release(position)
    },

    forget(serverId) {
      runners.get(serverId)?.close()
      runners.delete(serverId)
      store.removeServer(serverId)
    },

    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    close() {
      for (const runner of runners.values()) runner.close()
    },
  }
}
