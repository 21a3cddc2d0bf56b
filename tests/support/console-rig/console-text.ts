import type { Rig } from './rig.ts'

const PAGE = `query ($id: ID!, $after: SafeInt!) { console(serverId: $id, after: $after, lines: 5000) {
  nodes { from to ... on ConsoleChunk { text } ... on ConsoleGap { reason } } } }`

type Node = { from: number; to: number; text?: string; reason?: string }

/** What the history has of a console between two positions, or to its end. Of text with one byte a character. @throws at a gap */
export async function consoleText({ client, serverId }: Pick<Rig, 'client' | 'serverId'>, from: number, to = Infinity): Promise<string> {
  let text = ''
  for (let position = from; position < to;) {
    const { console } = await client.query<{ console: { nodes: Node[] } }>(PAGE, { id: serverId, after: position })
    if (console.nodes.length === 0) break
    for (const node of console.nodes) {
      if (node.reason !== undefined) throw new Error(`the history has a gap at ${String(node.from)}: ${node.reason}`)
      if (node.from !== position) throw new Error(`the history goes on at ${String(node.from)} where ${String(position)} was due`)
      text += node.text ?? ''
      position = node.to
    }
  }
  return text.slice(0, to - from)
}

/** All that is kept of a console, as the game wrote it. */
export async function downloadConsole({ url, client, serverId }: Pick<Rig, 'url' | 'client' | 'serverId'>): Promise<Buffer> {
  const response = await fetch(`${url}/servers/${serverId}/console.log`, { headers: { authorization: `Bearer ${client.token}` } })
  if (!response.ok) throw new Error(`the console cannot be downloaded: ${String(response.status)}`)
  return Buffer.from(await response.arrayBuffer())
}
