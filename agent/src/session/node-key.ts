import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/** The key pair of this node. The private half never leaves its file. */
export type NodeKey = {
  /** Raw Ed25519 public key, base64url. */
  publicKey: string
  /** Signature of UTF-8 text, base64url. */
  sign(text: string): string
}

function toNodeKey(privateKey: KeyObject): NodeKey {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: jwk.x ?? '', sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url') }
}

/** null before the first {@link createNodeKey}. */
export function readNodeKey(file: string): NodeKey | null {
  return existsSync(file) ? toNodeKey(createPrivateKey(readFileSync(file))) : null
}

export function createNodeKey(file: string): NodeKey {
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(`${file}.new`, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return toNodeKey(privateKey)
}
