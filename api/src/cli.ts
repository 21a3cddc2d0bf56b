import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { openAdministration, type Administration } from './app.ts'
import { readEnv } from './env.ts'
import { DomainError, ValidationError } from './lib/errors.ts'
import type { SystemActor } from './lib/actor.ts'

const USAGE = `Usage, with DATABASE_URL set:
  cli.ts create-enrolment-token --name NAME --address ADDRESS --ports FIRST-LAST   prints a token for one node, good for an hour
  cli.ts reset-admin-password --email EMAIL                                        prints a new password and ends all sessions
`

const ACTOR: SystemActor = { kind: 'system', name: 'command line' }
const MOST_NAMES = 100

class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A name that is taken gets a number: a machine that lost its key comes back as another node. */
async function enrolmentToken(
  administration: Administration,
  input: { name: string; address: string; firstPort: number; lastPort: number },
): Promise<string> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? input.name : `${input.name}-${number}`
    try {
      return (await administration.createEnrolmentToken(ACTOR, { ...input, name })).token
    } catch (error) {
      const isTaken = error instanceof ValidationError && error.fields.some((field) => field.code === 'TAKEN')
      if (!isTaken || number === MOST_NAMES) throw error
    }
  }
}

function required(value: string | undefined, option: string): string {
  if (value === undefined) throw new UsageError(`--${option} is missing`)
  return value
}

async function run(administration: Administration): Promise<string> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { name: { type: 'string' }, address: { type: 'string' }, ports: { type: 'string' }, email: { type: 'string' } },
  })
  switch (positionals[0]) {
    case 'create-enrolment-token': {
      const ports = /^(\d+)-(\d+)$/.exec(required(values.ports, 'ports'))
      if (ports === null) throw new UsageError('--ports is two numbers with a dash')
      const name = required(values.name, 'name')
      const address = required(values.address, 'address')
      return enrolmentToken(administration, { name, address, firstPort: Number(ports[1]), lastPort: Number(ports[2]) })
    }
    case 'reset-admin-password': {
      const password = randomBytes(15).toString('base64url')
      await administration.users.resetPassword(ACTOR, required(values.email, 'email'), password)
      return password
    }
    default:
      throw new UsageError('no such command')
  }
}

try {
  const administration = await openAdministration(readEnv())
  try {
    process.stdout.write(`${await run(administration)}\n`)
  } finally {
    await administration.close()
  }
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error)
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${isUsage ? USAGE : ''}`)
  process.exit(error instanceof DomainError || isUsage ? 2 : 1)
}
