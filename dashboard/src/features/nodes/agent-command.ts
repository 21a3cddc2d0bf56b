const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The one command that enrols a machine and runs its agent. Plain `ws://` to another machine has to be allowed by name. */
export function agentCommand(origin: string, token: string): string {
  const { protocol, host, hostname } = new URL(origin)
  const isSecure = protocol === 'https:'
  const settings = [`CATALYST_AGENT_API_URL=${isSecure ? 'wss' : 'ws'}://${host}/agent`, `CATALYST_AGENT_ENROLMENT_TOKEN=${token}`]
  if (!isSecure && !LOOPBACK.has(hostname)) settings.push('CATALYST_AGENT_ALLOW_INSECURE=true')
  return `${settings.join(' ')} npm run agent`
}
