import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from './pid-file.ts'
import { run } from './run.ts'

type GeneratorName = 'prisma' | 'graphql'

/** Makes code from other files; what it makes is not committed. */
type Generator = {
  name: GeneratorName
  /** What it is made from, as globs below the root. */
  sources: string[]
  /** A file that is there once it has run. */
  output: string
  command: string[]
  cwd: string
}

const GENERATORS: Generator[] = [
  {
    name: 'prisma',
    sources: ['prisma/schema.prisma', 'prisma/prisma.config.ts', 'prisma/package.json', 'pnpm-lock.yaml'],
    output: 'prisma/generated/client/client.ts',
    command: ['node_modules/prisma/build/index.js', 'generate'],
    cwd: 'prisma',
  },
  {
    name: 'graphql',
    sources: ['schema/*.graphql', 'codegen.ts', '{dashboard,agent}/src/**/*.{ts,vue}', 'tests/**/*.ts', 'pnpm-lock.yaml'],
    output: 'agent/src/gql/index.ts',
    command: ['node_modules/@graphql-codegen/cli/esm/bin.js', '--config', 'codegen.ts', '--errors-only'],
    cwd: '.',
  },
]

const CACHE = 'node_modules/.cache/catalyst'

function hashOf(root: string, generator: Generator): string {
  const files = globSync(generator.sources, {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'gql' || name === 'generated',
  })
  const hash = createHash('sha256').update(generator.command.join('\0'))
  for (const file of files.sort())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)))
  return hash.digest('hex')
}

/** Two at once (start and test) would write the same files. */
async function takeLock(file: string): Promise<void> {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : process.pid
    if (owner !== 0 && !isAlive(owner)) rmSync(file, { force: true })
    else await delay(100)
  }
}

/**
 * Makes the Prisma client and the typed GraphQL documents when they are missing or older than what they are made from.
 * @param names which of them; the api's own programs need the Prisma client only
 * @returns the names of the generators that had to run
 * @throws Error with the output of the one that failed
 */
export async function ensureGenerated(root: string, names: readonly GeneratorName[] = ['prisma', 'graphql']): Promise<string[]> {
  const cache = path.join(root, CACHE)
  mkdirSync(cache, { recursive: true })
  const lock = path.join(cache, 'generate.lock')
  await takeLock(lock)
  const ran: string[] = []
  try {
    for (const generator of GENERATORS.filter(({ name }) => names.includes(name))) {
      const wanted = hashOf(root, generator)
      const stamp = path.join(cache, `${generator.name}.stamp`)
      const isCurrent = existsSync(path.join(root, generator.output)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
      if (isCurrent) continue
      await run(process.execPath, generator.command, { cwd: path.join(root, generator.cwd), env: process.env })
      writeFileSync(stamp, wanted)
      ran.push(generator.name)
    }
  } finally {
    rmSync(lock, { force: true })
  }
  return ran
}
