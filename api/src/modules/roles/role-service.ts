import type { Database } from '../../db/database.ts'
import { newId } from '../../lib/ids.ts'
import { SYSTEM_ROLES } from '../../lib/permissions.ts'

export type RoleService = {
  /** Makes the system roles, and gives them the permissions of this version. Safe to repeat. */
  seed(): Promise<void>
}

export function createRoleService({ db }: { db: Database }): RoleService {
  return {
    async seed() {
      for (const { name, summary, permissions } of SYSTEM_ROLES) {
        const data = { summary, permissions: [...permissions], isSystem: true }
        await db.prisma.role.upsert({ where: { name }, create: { id: newId(), name, ...data }, update: data })
      }
    },
  }
}
