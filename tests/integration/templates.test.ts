import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api.ts'
import type { ThirdParty } from '../support/third-party.ts'

const ECHO = `
catalyst: 1
slug: echo
name: Echo
version: "1"
image: { debian: { packages: [busybox] } }
startup: [/bin/busybox, nc, -l, -p, "{{SERVER_PORT}}"]
stop: { signal: SIGTERM }
ports: [{ name: game, protocol: tcp }]
`

let api: TestApi
let administrator: ThirdParty
beforeAll(async () => {
  api = await startApi()
  administrator = await api.administrator()
})
afterAll(() => api.dispose())

type Answer = {
  __typename: string
  template?: { id: string; slug: string; version: string; isBundled: boolean }
  fields?: { path: string[]; code: string }[]
}

async function importTemplate(source: string, client = administrator): Promise<Answer> {
  const data = await client.query<{ importTemplate: Answer }>(
    `mutation ($input: ImportTemplateInput!) {
      importTemplate(input: $input) {
        __typename
        ... on ImportTemplateSuccess { template { id slug version isBundled } }
        ... on TemplateInvalidError { fields { path code } }
      }
    }`,
    { input: { source } },
  )
  return data.importTemplate
}

describe('templates', () => {
  it('come with the product, and are not written again at the next start', async () => {
    const before = await api.sql<{ slug: string; updatedAt: Date }>(
      'select slug, "updatedAt" from "Template" where "isBundled" order by slug',
    )
    expect(before.map((row) => row.slug)).toEqual(expect.arrayContaining(['openarena', 'teeworlds']))
    await api.restart()
    administrator = await api.administrator()
    expect(await api.sql('select slug, "updatedAt" from "Template" where "isBundled" order by slug')).toEqual(before)
  })

  it('are imported and replaced by slug, and recorded', async () => {
    const first = await importTemplate(ECHO)
    const second = await importTemplate(ECHO.replace('version: "1"', 'version: "2"'))
    expect(second.template).toEqual({ ...first.template, version: '2' })
    const entries = await api.sql<{ actorName: string; change: { version: string } }>(
      `select "actorName", change from "AuditEntry" where action = 'template:import' and "subjectName" = 'echo' order by id`,
    )
    expect(entries.map((entry) => [entry.actorName, entry.change.version])).toEqual([
      ['admin', '1'],
      ['admin', '2'],
    ])
  })

  it('name what is wrong', async () => {
    expect(await importTemplate(ECHO.replace('tcp', 'sctp'))).toMatchObject({
      __typename: 'TemplateInvalidError',
      fields: [{ path: ['ports', '0', 'protocol'] }],
    })
    expect(await importTemplate('&a [*a]')).toMatchObject({ __typename: 'TemplateInvalidError' })
    expect(await importTemplate('['.repeat(50_000))).toMatchObject({ __typename: 'TemplateInvalidError', fields: [{ code: 'TOO_DEEP' }] })
  })

  it('show their source to those who may read it', async () => {
    const query = '{ templates { nodes { slug source } } }'
    const shown = await administrator.query<{ templates: { nodes: { source: string }[] } }>(query)
    expect(shown.templates.nodes[0]?.source).toContain('catalyst')
    const user = await api.user('reader')
    await expect(user.query(query)).rejects.toThrow('template:read-source')
    expect(
      (await user.query<{ templates: { nodes: object[] } }>('{ templates { nodes { slug variables { name type } } } }')).templates.nodes
        .length,
    ).toBeGreaterThan(1)
    await expect(importTemplate(ECHO, user)).rejects.toThrow('template:import')
  })

  it('are null for ids that are none', async () => {
    expect(
      await administrator.query('{ a: template(id: "x") { id } b: template(id: "018bcfe5-6800-7000-8000-000000000000") { id } }'),
    ).toEqual({ a: null, b: null })
  })
})
