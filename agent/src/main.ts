import pino from 'pino'
import { parseArgs } from 'node:util'
import { enrolByHand, readStatus, runAgent, takeDown } from './agent.ts'
import { EnvError, readEnv } from './env.ts'
import { collectGarbage } from './lib/garbage.ts'
import { EnrolmentError } from './session/enrolment.ts'

const USAGE = `catalyst agent
  serve                              runs the agent (default)
  enroll --url <wss://…> --token <t> enrols this machine as a node
  status                             prints the node's id and how many games run, as JSON
  down [--for-good]                  ends all games of this node and takes back what was made for them; for good: images too
Settings come from the environment: agent/.env.example`

async function serve(): Promise<void> {
  const env = readEnv(process.env)
  const log = pino({ level: env.logLevel })
  const abort = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping; games go on')
      abort.abort()
    })
  }
  // The supervisor waits for this; without one there is no channel.
  const onReady = () => {
    process.send?.('ready')
    // What only the start took is given back: a process with little to do would keep it for long.
    collectGarbage()
  }
  await runAgent(env, log, onReady, abort.signal)
}

/** @throws EnvError for options that there are not */
function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { url: { type: 'string' }, token: { type: 'string' }, 'for-good': { type: 'boolean', default: false } },
    })
  } catch (error) {
    throw new EnvError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  }
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  switch (positionals[0] ?? 'serve') {
    case 'serve':
      await serve()
      return
    case 'enroll': {
      if (values.token === undefined) throw new EnvError(USAGE)
      const env = readEnv({ ...process.env, ...(values.url === undefined ? {} : { CATALYST_AGENT_API_URL: values.url }) })
      process.stdout.write(`Enrolled as node ${await enrolByHand(env, values.token)}\n`)
      return
    }
    case 'status':
      process.stdout.write(`${JSON.stringify(await readStatus(readEnv(process.env)))}\n`)
      return
    case 'down':
      await takeDown(readEnv(process.env), values['for-good'])
      return
    default:
      throw new EnvError(USAGE)
  }
}

try {
  await main()
  // Timers of libraries must not keep a stopped agent alive.
  process.exit(0)
} catch (error) {
  const isForPeople = error instanceof EnvError || error instanceof EnrolmentError
  process.stderr.write(`${isForPeople ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
