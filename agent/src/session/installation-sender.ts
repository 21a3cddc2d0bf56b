import type { Installation } from '../installations/installation.ts'
import type { Connection } from './connection.ts'
import * as operations from './documents.ts'
import { createSender, type Sender } from './sender.ts'

const LOG_CHARACTERS_PER_MESSAGE = 64 * 1024

/** Tells the api how installs go on, their log piece by piece and their outcome with its end. */
export type InstallationSender = { changed(installation: Installation): void; close(): void }

/** Text that does not end in the middle of a character of two units. */
const withoutHalf = (text: string) => (/[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text)

/** @param onAccepted called when the api has the outcome of an installation */
export function createInstallationSender(
  connection: Connection,
  onAccepted: (serverId: string, installationId: string) => void,
  onError: (error: unknown) => void,
): InstallationSender {
  /** One for each installation: a long log does not keep the others waiting. */
  const lines = new Map<string, { sender: Sender; newest: Installation }>()
  let isClosed = false

  function open(installation: Installation): { sender: Sender; newest: Installation } {
    let logSent = 0
    const line = { newest: installation, sender: createSender(sendNext, onError) }
    async function sendNext(): Promise<boolean> {
      const { id, serverId, step, percent, exitCode, error, log, status } = line.newest
      const logText = withoutHalf(log.slice(logSent, logSent + LOG_CHARACTERS_PER_MESSAGE))
      // The outcome comes with the end of the log.
      const isWhole = logSent + logText.length === log.length
      await connection.call(operations.ReportInstallation, {
        input: {
          serverId,
          installationId: id,
          status: isWhole ? status : 'RUNNING',
          step,
          percent,
          exitCode,
          error,
          logFrom: logSent,
          logText,
        },
      })
      logSent += logText.length
      if (isWhole && status !== 'RUNNING') {
        lines.delete(id)
        onAccepted(serverId, id)
      }
      return !isWhole
    }
    return line
  }

  return {
    changed(installation) {
      if (isClosed) return
      const line = lines.get(installation.id) ?? open(installation)
      lines.set(installation.id, line)
      line.newest = installation
      line.sender.poke()
    },
    close() {
      isClosed = true
      for (const { sender } of lines.values()) sender.close()
    },
  }
}
