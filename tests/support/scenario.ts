import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { ThirdParty } from './third-party.ts'

type ErrorView = { __typename: string; message?: string; code?: string; fields?: { path: string[]; message: string; code: string }[] }

/** What a mutation answered: its success, or a thrown error with type, code and fields. */
export async function mutate<T>(client: ThirdParty, name: string, inputType: string, selection: string, input: object): Promise<T> {
  const success = `${name[0]?.toUpperCase() ?? ''}${name.slice(1)}Success`
  const data = await client.query<Record<string, ErrorView & T>>(
    `mutation ($input: ${inputType}!) {
      ${name}(input: $input) {
        __typename
        ... on ${success} { ${selection} }
        ... on Error { message code ... on ValidationError { fields { path message code } } }
      }
    }`,
    { input },
  )
  const result = data[name]
  if (result?.__typename !== success) throw new MutationRefused(name, result ?? { __typename: 'nothing' })
  return result
}

/** A mutation answered with one of its typed errors. */
export class MutationRefused extends Error {
  override readonly name = 'MutationRefused'
  readonly answer: ErrorView
  constructor(mutation: string, answer: ErrorView) {
    super(`${mutation} answered ${answer.__typename}: ${JSON.stringify(answer)}`)
    this.answer = answer
  }
}

export type CreateServer = {
  name: string
  templateId: string
  nodeId?: string
  location?: string
  tags?: string[]
  memoryMiB: number
  cpuPercent: number
  cpuset?: string
  diskMiB: number
  ports?: { name: string; ip?: string; port: number }[]
  variables?: { name: string; value: string }[]
  start?: boolean
  idempotencyKey?: string
}

/** Id of the new server. */
export async function createServer(client: ThirdParty, input: CreateServer): Promise<string> {
  const { server } = await mutate<{ server: { id: string } }>(client, 'createServer', 'CreateServerInput', 'server { id }', input)
  return server.id
}

export type Power = 'start' | 'stop' | 'restart' | 'kill' | 'install'

/** Gives a power order; the answer's command. */
export async function power(
  client: ThirdParty,
  verb: Power,
  id: string,
  idempotencyKey?: string,
): Promise<{ id: string; status: string; deadline: string }> {
  const type = `${verb[0]?.toUpperCase() ?? ''}${verb.slice(1)}ServerInput`
  const { command } = await mutate<{ command: { id: string; status: string; deadline: string } }>(
    client,
    `${verb}Server`,
    type,
    'command { id status deadline }',
    { id, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) },
  )
  return command
}

export async function deleteServer(client: ThirdParty, id: string, idempotencyKey?: string): Promise<void> {
  const input = { id, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }
  await mutate(client, 'deleteServer', 'DeleteServerInput', 'deletedServerId', input)
}

/** When an ended game is started again: `maximumRestarts` times at most. */
export async function setRestartPolicy(
  client: ThirdParty,
  id: string,
  restartPolicy: { policy: 'ALWAYS' | 'ON_FAILURE' | 'NEVER'; maximumRestarts?: number },
): Promise<void> {
  await mutate(client, 'updateServer', 'UpdateServerInput', 'server { id }', { id, restartPolicy })
}

/** Lets the only node promise more processor time than it has; its id. */
export async function overcommitProcessor(client: ThirdParty, cpuOvercommitPercent: number): Promise<string> {
  const { nodes } = await client.query<{ nodes: { nodes: { id: string }[] } }>('{ nodes(first: 1) { nodes { id } } }')
  const id = nodes.nodes[0]?.id ?? ''
  await mutate(client, 'updateNode', 'UpdateNodeInput', 'node { id }', { id, cpuOvercommitPercent })
  return id
}

/** What becomes of the server when its machine has started. */
export async function setBootPolicy(client: ThirdParty, id: string, bootPolicy: 'RESTORE' | 'ALWAYS' | 'NEVER'): Promise<void> {
  await mutate(client, 'updateServer', 'UpdateServerInput', 'server { id }', { id, bootPolicy })
}

/** Types a line into the game; the status of the command when the api answered. */
export async function sendConsoleCommand(client: ThirdParty, serverId: string, command: string): Promise<string> {
  const result = await mutate<{ command: { status: string } }>(
    client,
    'sendConsoleCommand',
    'SendConsoleCommandInput',
    'command { status }',
    { serverId, command },
  )
  return result.command.status
}

/** Id of a bundled template. */
export async function templateId(client: ThirdParty, slug: string): Promise<string> {
  const { templates } = await client.query<{ templates: { nodes: { id: string; slug: string }[] } }>(
    '{ templates(first: 100) { nodes { id slug } } }',
  )
  const found = templates.nodes.find((template) => template.slug === slug)
  if (found === undefined) throw new Error(`no template ${slug}`)
  return found.id
}

/** Imports a template of `tests/support/templates/`; its id. */
export async function importTestTemplate(client: ThirdParty, name: string): Promise<string> {
  const source = await readFile(path.join(import.meta.dirname, 'templates', `${name}.yaml`), 'utf8')
  const { template } = await mutate<{ template: { id: string } }>(client, 'importTemplate', 'ImportTemplateInput', 'template { id }', {
    source,
  })
  return template.id
}
