import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Prisma, Template } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import { SYSTEM, type Actor } from '../../lib/actor.ts'
import { newId } from '../../lib/ids.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { parseTemplate, TEMPLATES_FOLDER } from './parse-template.ts'
import type { TemplateSpec } from './template-spec.ts'

export type { Template }

export type TemplateService = {
  /** Adds a template, or replaces the one of the same slug. Servers keep what they were made with until a reinstall.
   * @throws TemplateInvalidError */
  import(actor: Actor, source: string): Promise<Template>
  /** Imports the templates that come with the product; those that did not change are left alone. */
  importBundled(): Promise<void>
}

export const specOf = (template: { spec: Prisma.JsonValue }): TemplateSpec => template.spec as unknown as TemplateSpec

export function createTemplateService({ db, audit }: { db: Database; audit: AuditService }): TemplateService {
  async function save(actor: Actor, source: string, isBundled: boolean): Promise<Template> {
    const spec = parseTemplate(source)
    const data = { name: spec.name, version: spec.version, summary: spec.summary, spec: spec as unknown as Prisma.InputJsonObject, source, isBundled }
    return db.transaction(async (tx) => {
      const template = await tx.prisma.template.upsert({ where: { slug: spec.slug }, create: { id: newId(), slug: spec.slug, ...data }, update: data })
      await audit.record(tx, actor, { action: 'template:import', subject: { kind: 'template', id: template.id, name: template.slug }, change: { version: spec.version } })
      return template
    })
  }

  return {
    import: (actor, source) => save(actor, source, false),
    async importBundled() {
      for (const name of (await readdir(TEMPLATES_FOLDER)).filter((file) => file.endsWith('.yaml')).sort()) {
        const source = await readFile(path.join(TEMPLATES_FOLDER, name), 'utf8')
        const { slug } = parseTemplate(source)
        const existing = await db.prisma.template.findUnique({ where: { slug } })
        // What an administrator imported under the same slug is theirs.
        if (existing === null || (existing.isBundled && existing.source !== source)) await save(SYSTEM, source, true)
      }
    },
  }
}
