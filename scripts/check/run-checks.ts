import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ensureGenerated } from '../start/generated.ts'
import { NOTHING, readVitestReport, sum, type Counts } from './counts.ts'

/** One check: a program that ends with 0 when all is well. */
type Check = {
  name: string
  /** A program of node_modules/.bin, or `node`. */
  command: [string, ...string[]]
  /** Arguments instead of the command's when problems are to be mended where that is possible. */
  fix?: string[]
  /** Where vitest writes its report, below the root. */
  report?: string
}

const PACKAGES = ['api', 'agent', 'prisma', 'tests']
const UNIT_REPORT = 'tests/artefacts/unit.json'

const CHECKS: Check[] = [
  { name: 'format', command: ['oxfmt', '--check', '.'], fix: ['.'] },
  {
    name: 'lint',
    command: ['eslint', '--flag', 'unstable_native_nodejs_ts_config', '--max-warnings', '0', '.'],
    fix: ['--flag', 'unstable_native_nodejs_ts_config', '--fix', '.'],
  },
  {
    name: 'zones and cycles',
    command: ['depcruise', '--config', '.dependency-cruiser.mjs', 'api', 'agent', 'dashboard', 'prisma', 'scripts', 'tests', 'codegen.ts'],
  },
  { name: 'dead code', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'types of scripts', command: ['tsc', '-p', '.', '--noEmit'] },
  ...PACKAGES.map((name): Check => ({ name: `types of ${name}`, command: ['tsc', '-p', name, '--noEmit'] })),
  { name: 'types of dashboard', command: ['vue-tsc', '-p', 'dashboard', '--noEmit'] },
  {
    name: 'unit tests',
    command: [
      'vitest',
      'run',
      '--project',
      'unit',
      '--project',
      'dashboard',
      '--reporter=dot',
      '--reporter=json',
      `--outputFile.json=${UNIT_REPORT}`,
    ],
    report: UNIT_REPORT,
  },
]

const SCHEMAS = ['schema/api.graphql', 'schema/agent.graphql']
/** On two cores more than this at once only gets in its own way. */
const AT_ONCE = 2

function execute(root: string, [command, ...args]: [string, ...string[]]): Promise<{ isWell: boolean; output: string }> {
  const program = command === 'node' ? process.execPath : path.join(root, 'node_modules', '.bin', command)
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, FORCE_COLOR: '0' } })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', (error) => {
      resolve({ isWell: false, output: error.message })
    })
    child.once('close', (code) => {
      resolve({ isWell: code === 0, output })
    })
  })
}

/** The committed schemas must be what the api's code prints. They are left as they were. */
async function checkSchemas(root: string): Promise<{ isWell: boolean; output: string }> {
  const read = () => SCHEMAS.map((file) => readFileSync(path.join(root, file), 'utf8'))
  const committed = read()
  const printed = await execute(root, ['node', 'api/scripts/print-schema.ts'])
  if (!printed.isWell) return printed
  const now = read()
  const stale = SCHEMAS.filter((_, index) => committed[index] !== now[index])
  for (const [index, file] of SCHEMAS.entries()) writeFileSync(path.join(root, file), committed[index] ?? '')
  return { isWell: stale.length === 0, output: `not what the code prints: ${stale.join(', ')}. Run: npm run codegen\n` }
}

/**
 * Runs every check and prints a line for each, with the output of those that fail.
 * @returns each check as one test, and the unit tests themselves
 */
export async function runChecks(root: string, isFixing: boolean): Promise<Counts> {
  mkdirSync(path.join(root, 'tests/artefacts'), { recursive: true })
  rmSync(path.join(root, UNIT_REPORT), { force: true })
  let counts = NOTHING

  /** Counts a check as one test, unless a report tells more of it. */
  const perform = async (name: string, work: () => Promise<{ isWell: boolean; output: string }>, report?: string) => {
    const started = performance.now()
    const { isWell, output } = await work().catch((error: unknown) => ({
      isWell: false,
      output: error instanceof Error ? error.message : String(error),
    }))
    const itself = { ...NOTHING, passed: isWell ? 1 : 0, failed: isWell ? 0 : 1 }
    counts = sum(counts, report === undefined ? itself : readVitestReport(path.join(root, report), isWell))
    process.stdout.write(
      `  ${isWell ? 'ok    ' : 'FAILED'} ${name.padEnd(22)} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s\n`,
    )
    if (!isWell) process.stdout.write(`${output.trimEnd()}\n`)
  }

  // First and alone: the other checks read what they make.
  await perform('generated code', async () => {
    await ensureGenerated(root)
    return { isWell: true, output: '' }
  })
  await perform('printed schemas', () => checkSchemas(root))

  const waiting = [...CHECKS]
  const worker = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const { name, command, fix, report } = check
      await perform(name, () => execute(root, isFixing && fix ? [command[0], ...fix] : command), report)
    }
  }
  if (isFixing) {
    // Formatter and linter write the same files.
    for (const check of waiting.splice(0, 2)) await perform(check.name, () => execute(root, [check.command[0], ...(check.fix ?? [])]))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return counts
}
