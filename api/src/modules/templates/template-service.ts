import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Prisma } from '@catalyst/prisma/client'
import type { Database } from '../../db/database.ts'
import { SYSTEM, type Actor } from '../../lib/actor.ts'
import { newId } from '../../lib/ids.ts'
import type { AuditService } from '../audit/audit-service.ts'
import { parseTemplate, TEMPLATES_FOLDER } from './parse-template.ts'
import type { TemplatePage, TemplateReadModel, TemplateView } from './template-read-model.ts'
import type { TemplateSpec } from './template-spec.ts'

export type TemplateService = {
  /** Adds a template, or replaces the one of the same slug. Servers keep what they were made with until a reinstall.
   * @throws TemplateInvalidError */
  import(actor: Actor, source: string): Promise<TemplateView>
  /** Imports the templates that come with the product; those that did not change are left alone. */
  importBundled(): Promise<void>
  page(actor: Actor, request: { first: number; after: string | null }): Promise<TemplatePage>
  /** In the order of the ids; null for an unknown one. */
  byIds(ids: readonly string[]): Promise<(TemplateView | null)[]>
}

export const specOf = (template: { spec: Prisma.JsonValue }): TemplateSpec => template.spec as unknown as TemplateSpec

export type TemplateServiceDeps = { db: Database; audit: AuditService; readModel: TemplateReadModel }

export function createTemplateService({ db, audit, readModel }: TemplateServiceDeps): TemplateService {
  async function save(actor: Actor, source: string, isBundled: boolean): Promise<TemplateView> {
    const spec = parseTemplate(source)
    const data = {
      name: spec.name,
      version: spec.version,
      summary: spec.summary,
      spec: spec as unknown as Prisma.InputJsonObject,
      source,
      isBundled,
    }
    return db.transaction(async (tx) => {
      const template = await tx.prisma.template.upsert({
        where: { slug: spec.slug },
        create: { id: newId(), slug: spec.slug, ...data },
        update: data,
      })
      await audit.record(tx, actor, {
        action: 'template:import',
        subject: { kind: 'template', id: template.id, name: template.slug },
        change: { version: spec.version },
      })
      return { ...template, spec }
    })
  }

  return {
    page: (_actor, request) => readModel.page(request),
    byIds: (ids) => readModel.byIds(ids),
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
