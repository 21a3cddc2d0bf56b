import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Settings } from '../settings.ts'
import { AGENT_NODE } from '../start/node-flags.ts'

/** Further settings of an agent, taken over from the environment of the command that installs it. */
const PASSED_ON = ['CATALYST_AGENT_FIRST_UID', 'CATALYST_AGENT_LAST_UID', 'CATALYST_AGENT_METRICS_LISTEN', 'NODE_EXTRA_CA_CERTS']

/** The agent of a machine as a service: names and places of what belongs to it. */
export type AgentService = {
  /** Of the unit, without `.service`. */
  name: string
  unitFile: string
  /** Settings of the agent, readable by root only: where the api is says where the panel is. */
  settingsFile: string
}

/** @returns names by the containerd namespace, so that two products on one machine do not meet */
export function agentServiceOf({ containerdNamespace }: Pick<Settings, 'containerdNamespace'>): AgentService {
  const name = `${containerdNamespace}-agent`
  return {
    name,
    unitFile: `/etc/systemd/system/${name}.service`,
    settingsFile: `/etc/catalyst/${name}.env`,
  }
}

/** A word of a unit file's command line: quoted, and percent signs doubled so that none is taken for a specifier. */
const word = (text: string) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%')}"`

/** The unit of a service. @param root the checkout that it runs */
export function renderUnit(service: AgentService, root: string): string {
  const values: Record<string, string> = {
    NAME: service.name,
    ROOT: root.replaceAll('%', '%%'),
    NODE: [word(path.join(root, 'node_modules', '.bin', 'node')), ...AGENT_NODE.flags].join(' '),
    ENVIRONMENT: Object.entries(AGENT_NODE.environment)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
    MAIN: word(path.join(root, 'agent', 'src', 'main.ts')),
    SETTINGS: service.settingsFile,
  }
  const template = readFileSync(path.join(import.meta.dirname, 'agent.service'), 'utf8')
  return template.replaceAll(/@([A-Z]+)@/g, (mark, name: string) => values[name] ?? mark)
}

/**
 * The settings as systemd reads them, one line for each.
 * @throws RangeError for a value that cannot be written on one line
 */
export function renderSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      if (/[\n\r\0]/.test(value)) throw new RangeError(`${name} has a line break in it.`)
      return `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"\n`
    })
    .join('')
}

/**
 * What a service goes on with: what is told now wins over what it was told before, and that over what is usual. Of what is
 * passed on an empty value takes back the earlier one; elsewhere it means nothing, as `.env` is full of them.
 * @param environment of the command that installs it
 */
export function keptSettings(
  usual: Readonly<Record<string, string>>,
  earlier: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept = { ...usual, ...earlier }
  for (const [name, value] of Object.entries(usual)) if (environment[name]) kept[name] = value
  for (const name of PASSED_ON) kept[name] = environment[name] ?? kept[name] ?? ''
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== ''))
}

/** What `renderSettings` wrote. */
export function parseSettings(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)="(.*)"$/gm)].map(([, name = '', value = '']) => [name, value.replaceAll(/\\(["\\])/g, '$1')]),
  )
}
