import path from 'node:path'
import { StepError } from '../start/progress.ts'
import { run } from '../start/run.ts'

/** What `status` of the agent prints. */
export type AgentStatus = { nodeId: string | null; games: number }

/** The agent's own command line with the settings of its service. */
export type AgentProgram = {
  status(): Promise<AgentStatus>
  /** Uses the token up. @returns the id of the node */
  enroll(token: string): Promise<string>
  /** Ends all games and takes back what was made on this machine. */
  down(): Promise<void>
}

const MEND: Record<string, string> = {
  status: 'See that containerd runs: systemctl status containerd',
  enroll: 'See that the address of the api is right and within reach, and that the token was not used before and has not expired.',
  down: 'See that containerd runs (systemctl status containerd), then run the same command again.',
}

/** What a program said, without where in its code it said it. */
function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message.split('\n').slice(1) : [String(error)]
  return said
    .filter((line) => !/^\s+at /.test(line))
    .map((line) => line.replace(/^\w*Error: /, '').trim())
    .join(' ')
}

export function agentProgram(root: string, settings: Readonly<Record<string, string>>): AgentProgram {
  const main = path.join(root, 'agent', 'src', 'main.ts')
  const call = async (...args: string[]) => {
    try {
      return await run(process.execPath, [main, ...args], { cwd: root, env: { ...process.env, ...settings, NODE_ENV: 'production' } })
    } catch (error) {
      throw new StepError(`The agent could not do it (${args[0] ?? ''}): ${reasonOf(error)}`, MEND[args[0] ?? ''] ?? '', { cause: error })
    }
  }
  return {
    status: async () => JSON.parse(await call('status')) as AgentStatus,
    enroll: async (token) => (await call('enroll', '--token', token)).trim().split(' ').at(-1) ?? '',
    async down() {
      await call('down', '--for-good')
    },
  }
}
