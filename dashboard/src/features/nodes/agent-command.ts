const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** `enrol`: the agent becomes a service of a new machine. `rekey`: a machine that is a node already signs in with another key. */
export type AgentCommandKind = 'enrol' | 'rekey'

/** The one command to run on the machine. Plain `ws://` to another machine has to be allowed by name. */
export function agentCommand(kind: AgentCommandKind, origin: string, token: string): string {
  const { protocol, host, hostname } = new URL(origin)
  const isSecure = protocol === 'https:'
  const mustAllow = !isSecure && !LOOPBACK.has(hostname)
  const where = `--url ${isSecure ? 'wss' : 'ws'}://${host}/agent --token ${token}`
  return kind === 'enrol'
    ? `npm run agent:install -- ${where}${mustAllow ? ' --allow-insecure' : ''}`
    : `${mustAllow ? 'CATALYST_AGENT_ALLOW_INSECURE=true ' : ''}npm run agent -- enroll ${where}`
}
