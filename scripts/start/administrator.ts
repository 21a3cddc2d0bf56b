import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Settings } from '../settings.ts'

/** The account that the api makes at its first start. */
export type Administrator = {
  email: string
  /** null after the first start when the password was given by the environment: then only its owner knows it. */
  password: string | null
  passwordFile: string
  isFirstStart: boolean
}

const DEFAULT_EMAIL = 'admin@catalyst.local'

/** Decides at the first start, and answers the same ever after. A generated password is kept in a file of mode 0600. */
export async function readAdministrator(settings: Settings): Promise<Administrator> {
  const folder = path.join(settings.dataDir, 'api', 'secrets')
  const emailFile = path.join(folder, 'admin-email')
  const passwordFile = path.join(folder, 'admin-password')
  const decided = (await readFile(emailFile, 'utf8').catch(() => '')).trim()
  if (decided !== '') {
    const password = (await readFile(passwordFile, 'utf8').catch(() => '')).trim()
    return { email: decided, password: password === '' ? null : password, passwordFile, isFirstStart: false }
  }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const email = settings.administrator.email ?? DEFAULT_EMAIL
  const password = settings.administrator.password ?? randomBytes(15).toString('base64url')
  if (settings.administrator.password === null) await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  // Written last: a start that was cut before here decides anew.
  await writeFile(emailFile, `${email}\n`, { mode: 0o600 })
  return { email, password, passwordFile, isFirstStart: true }
}
