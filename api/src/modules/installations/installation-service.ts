import type { Installation } from '@catalyst/prisma/client'
import type { Database, Transaction } from '../../db/database.ts'
import type { EventBus } from '../../events/event-bus.ts'
import type { UserActor } from '../../lib/actor.ts'
import { decodeCursor, encodeCursor } from '../../lib/cursor.ts'
import { isId } from '../../lib/ids.ts'
import type { Page, PageRequest } from '../../lib/page.ts'
import { canSee, demand } from '../servers/server-policy.ts'

/** An installation as lists read it: its log can be a mebibyte, and is read when it is asked for. */
export type InstallationView = Omit<Installation, 'log'> & { log?: string }

/** A change of an installation with the log text that is new: characters `from` to `to`. */
export type InstallationChange = { installation: InstallationView; from: number; to: number; text: string }

export type InstallationProgress = { step: string | null; percent: number | null; logFrom: number; logText: string }

export type InstallationService = {
  /** The newest installation of each server. */
  newest(serverIds: readonly string[]): Promise<Map<string, InstallationView>>
  /** The runs of a server, newest first; null when it is not visible. */
  page(actor: UserActor, serverId: string, request: PageRequest): Promise<Page<InstallationView> | null>
  /** In the order of the ids. */
  logs(ids: readonly string[]): Promise<{ log: string }[]>
  /** Takes progress of a running installation; repeated log text is trimmed. Length of the log then. */
  progress(tx: Transaction, serverId: string, installationId: string, progress: InstallationProgress): Promise<number>
  /** The newest installation from a character of its log on, then its changes. */
  watch(
    actor: UserActor,
    serverId: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<InstallationChange, void, undefined>>
}

const LARGEST_LOG = 2 ** 20 + 1024

export function createInstallationService({ db, bus }: { db: Database; bus: EventBus }): InstallationService {
  const newestOf = (serverId: string) =>
    db.prisma.installation.findFirst({ where: { serverId }, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] })

  async function* follow(serverId: string, after: number, signal: AbortSignal): AsyncGenerator<InstallationChange, void, undefined> {
    const events = bus.subscribe('installation', { signal })
    let id: string | null = null
    let position = after
    let told = ''
    const look = async function* (): AsyncGenerator<InstallationChange, void, undefined> {
      const installation = await newestOf(serverId)
      if (installation === null) return
      // Another run: its log begins anew.
      if (id !== null && installation.id !== id) position = 0
      id = installation.id
      const text = installation.log.slice(position)
      const state = `${installation.id}/${installation.status}/${installation.step ?? ''}/${String(installation.percent)}`
      if (text === '' && state === told) return
      told = state
      yield { installation, from: position, to: position + text.length, text }
      position += text.length
    }
    yield* look()
    for await (const event of events) if (event.serverId === serverId) yield* look()
  }

  return {
    async newest(serverIds) {
      const rows = await db.prisma.installation.findMany({
        where: { serverId: { in: [...serverIds] } },
        omit: { log: true },
        orderBy: [{ serverId: 'asc' }, { createdAt: 'desc' }, { id: 'desc' }],
        distinct: ['serverId'],
      })
      return new Map(rows.map((row) => [row.serverId, row]))
    },

    async logs(ids) {
      const rows = await db.prisma.installation.findMany({ where: { id: { in: [...ids] } }, select: { id: true, log: true } })
      const logs = new Map(rows.map(({ id, log }) => [id, log]))
      return ids.map((id) => ({ log: logs.get(id) ?? '' }))
    },

    async page(actor, serverId, { first, after }) {
      const server = isId(serverId)
        ? await db.prisma.server.findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } })
        : null
      if (server === null || !canSee(actor, server)) return null
      const [id] = after === null ? [] : decodeCursor(after, 'id')
      const [totalCount, rows] = await Promise.all([
        db.prisma.installation.count({ where: { serverId } }),
        // Ids grow with time.
        db.prisma.installation.findMany({
          where: { serverId, ...(id === undefined ? {} : { id: { lt: id } }) },
          omit: { log: true },
          orderBy: { id: 'desc' },
          take: first + 1,
        }),
      ])
      return {
        edges: rows.slice(0, first).map((node) => ({ cursor: encodeCursor([node.id]), node })),
        hasNextPage: rows.length > first,
        hasPreviousPage: after !== null,
        totalCount,
      }
    },

    async progress(tx, serverId, installationId, { step, percent, logFrom, logText }) {
      const installation = await tx.prisma.installation.findFirst({ where: { id: installationId, serverId } })
      if (installation === null) return 0
      const { log } = installation
      const fresh = logFrom <= log.length ? logText.slice(log.length - logFrom) : logText
      const text = (log + fresh).slice(0, LARGEST_LOG)
      const isOpen = installation.status === 'PENDING' || installation.status === 'RUNNING'
      await tx.prisma.installation.update({
        where: { id: installationId },
        data: {
          log: text,
          ...(isOpen
            ? {
                status: 'RUNNING',
                step,
                percent: percent === null ? null : Math.min(100, Math.max(0, percent)),
                startedAt: installation.startedAt ?? new Date(),
              }
            : {}),
        },
      })
      tx.afterCommit(() => {
        bus.publish('installation', { serverId })
      })
      return text.length
    },

    async watch(actor, serverId, after, signal) {
      const server = await db.prisma.server
        .findFirst({ where: { id: serverId, deletedAt: null }, select: { ownerId: true } })
        .catch(() => null)
      demand(actor, server, 'server:read')
      return follow(serverId, Math.max(0, after), signal)
    },
  }
}
