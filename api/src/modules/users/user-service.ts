import type { Database } from '../../db/database.ts'
import { SYSTEM, type Actor } from '../../lib/actor.ts'
import { NotFoundError, ValidationError } from '../../lib/errors.ts'
import { newId } from '../../lib/ids.ts'
import type { AuditService } from '../audit/audit-service.ts'
import type { AuthService } from '../auth/auth-service.ts'
import type { Passwords } from '../auth/password.ts'
import type { UserPage, UserReadModel, UserView } from './user-read-model.ts'

export type UserService = {
  /** Users by name, for choosing an owner. */
  page(actor: Actor, request: { first: number; after: string | null; search: string | null }): Promise<UserPage>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(UserView | null)[]>
  /** Makes the first administrator when nobody is one. Safe with several instances at once. */
  ensureAdministrator(administrator: { email: string; password: string }): Promise<'made' | 'exists'>
  /** Sets a new password and ends all sessions of the user. @throws NotFoundError, ValidationError */
  resetPassword(actor: Actor, email: string, password: string): Promise<void>
}

export type UserDeps = { db: Database; audit: AuditService; auth: AuthService; passwords: Passwords; readModel: UserReadModel }

const SHORTEST_PASSWORD = 8

export function createUserService({ db, audit, auth, passwords, readModel }: UserDeps): UserService {
  return {
    page: (_actor, request) => readModel.page(request),
    byIds: (ids) => readModel.byIds(ids),

    async ensureAdministrator({ email, password }) {
      const role = await db.prisma.role.findUniqueOrThrow({ where: { name: 'Administrator' } })
      if ((await db.prisma.roleAssignment.count({ where: { roleId: role.id } })) > 0) return 'exists'
      // Hashing takes long: outside of the transaction.
      const passwordHash = await passwords.hash(password)
      return db.transaction(async (tx) => {
        // Two instances that start at once take turns here.
        await tx.prisma.$queryRaw`select 1 from "Role" where "id" = ${role.id}::uuid for update`
        if ((await tx.prisma.roleAssignment.count({ where: { roleId: role.id } })) > 0) return 'exists'
        const id = newId()
        const isTaken = (await tx.prisma.user.count({ where: { username: 'admin' } })) > 0
        const username = isTaken ? `admin-${id.slice(-8)}` : 'admin'
        const data = { id, email: email.trim().toLowerCase(), username, displayName: 'Administrator', passwordHash }
        await tx.prisma.user.create({ data: { ...data, roles: { create: { roleId: role.id } } } })
        await audit.record(tx, SYSTEM, {
          action: 'user:manage',
          subject: { kind: 'user', id, name: username },
          change: { role: 'Administrator' },
        })
        return 'made'
      })
    },

    async resetPassword(actor, email, password) {
      if (password.length < SHORTEST_PASSWORD)
        throw new ValidationError([{ path: ['password'], message: `has at least ${SHORTEST_PASSWORD} characters`, code: 'TOO_SMALL' }])
      const passwordHash = await passwords.hash(password)
      await db.transaction(async (tx) => {
        const user = await tx.prisma.user.findUnique({ where: { email: email.trim().toLowerCase() } })
        if (user === null) throw new NotFoundError('The user')
        await tx.prisma.user.update({ where: { id: user.id }, data: { passwordHash } })
        await auth.revokeSessions(tx, user.id)
        await audit.record(tx, actor, {
          action: 'user:manage',
          subject: { kind: 'user', id: user.id, name: user.username },
          change: { password: 'reset' },
        })
      })
    },
  }
}
