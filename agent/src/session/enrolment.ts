import { existsSync, renameSync } from 'node:fs'
import type { Store } from '../state/store.ts'
import { OperationError, type Connection } from './connection.ts'
import { EnrolNode } from './documents.ts'
import { createNodeKey, readNodeKey, type NodeKey } from './node-key.ts'

/** Why this machine did not become a node: a sentence for whoever gave the command. */
export class EnrolmentError extends Error {
  override readonly name = 'EnrolmentError'
}

/** The key that an enrolment offers; it takes the node key's place when the api has taken it. */
const offeredBeside = (keyFile: string) => `${keyFile}.offered`

/** Who this machine is to the api; null before it is enrolled, and when its key is lost. */
export function identityOf(keyFile: string, store: Store): { nodeId: string; key: NodeKey } | null {
  const nodeId = store.nodeId()
  if (nodeId === null) return null
  const offered = offeredBeside(keyFile)
  // The api had taken the first key, and we ended before it was in its place.
  if (!existsSync(keyFile) && existsSync(offered)) renameSync(offered, keyFile)
  const key = readNodeKey(keyFile)
  return key === null ? null : { nodeId, key }
}

export type Enrolment = { keyFile: string; store: Store; token: string; agentVersion: string }

/**
 * Uses up a token: the api learns a new public key, and we our node. Repeating it after a lost answer is harmless.
 * Id of the node. @throws EnrolmentError when the api refuses
 */
export async function enrol(connection: Connection, { keyFile, store, token, agentVersion }: Enrolment): Promise<string> {
  const nodeId = store.nodeId()
  const offered = offeredBeside(keyFile)
  // With a key and no node the store was lost: the api still knows the key, and answers the same node for the same token.
  const known = nodeId === null ? readNodeKey(keyFile) : null
  // Kept until it is taken: the same token may be sent again with the same key only.
  const { publicKey } = known ?? readNodeKey(offered) ?? createNodeKey(offered)
  const input = { token, publicKey, agentVersion, ...(nodeId === null ? {} : { nodeId }) }
  const { enrolNode } = await connection.call(EnrolNode, { input }).catch((error: unknown) => {
    throw error instanceof OperationError ? new EnrolmentError(`The api refused to enrol this machine: ${error.message}`) : error
  })
  store.setNodeId(enrolNode.nodeId)
  if (known === null) renameSync(offered, keyFile)
  return enrolNode.nodeId
}
