/** Everything that can be allowed, and what it allows. Roles are sets of these; the api knows no other right. */
export const PERMISSIONS = {
  'server:read': 'See own servers',
  'server:read-all': 'See and act on the servers of everybody',
  'server:create': 'Create servers for oneself',
  'server:create-for-others': 'Create servers that belong to somebody else',
  'server:start': 'Start servers',
  'server:stop': 'Stop servers',
  'server:restart': 'Restart servers',
  'server:kill': 'End servers at once',
  'server:install': 'Run or abort the installation of servers',
  'server:update': 'Change the name, policies, stop rule and variables of servers',
  'server:update-limits': 'Change what servers may use',
  'server:delete': 'Delete servers',
  'server:force-delete': 'Delete servers whose node is away, and give away their ports and room at once',
  'console:read': 'Read the console of servers',
  'console:send': 'Type commands into the console of servers',
  'node:read': 'See nodes and their free ports',
  'node:manage': 'Enrol, change and remove nodes, and see their history',
  'allocation:manage': 'Add, describe and remove the ports of nodes',
  'template:read': 'See templates',
  'template:read-source': 'Read the text of templates',
  'template:import': 'Import and replace templates',
  'user:read': 'See the names of users',
  'user:manage': 'Create, change and remove users',
  'role:manage': 'Give and take roles',
  'audit:read': 'Read the audit entries',
} as const

export type Permission = keyof typeof PERMISSIONS

/** Every literal of the table. */
export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[]

/** Everything with own servers. */
const USER_PERMISSIONS: readonly Permission[] = [
  'server:read',
  'server:create',
  'server:start',
  'server:stop',
  'server:restart',
  'server:kill',
  'server:install',
  'server:update',
  'server:delete',
  'console:read',
  'console:send',
  'node:read',
  'template:read',
]

/** Tells stored text from a literal of the table; a role may name one that this version no longer has. */
export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text)
}

/** The roles that every installation has. Their permissions are those of the running version. */
export const SYSTEM_ROLES = [
  { name: 'Administrator', summary: 'May do everything.', permissions: ALL_PERMISSIONS },
  { name: 'User', summary: 'Makes and runs own servers.', permissions: USER_PERMISSIONS },
] as const
