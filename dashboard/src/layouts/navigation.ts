import { mdiServer, mdiServerNetwork, mdiShapeOutline } from '@mdi/js'

/** Entries of the navigation, in order. */
export const entries = [
  { area: 'servers', to: '/servers', icon: mdiServer, label: 'navigation.servers', permission: 'server:read' },
  { area: 'nodes', to: '/nodes', icon: mdiServerNetwork, label: 'navigation.nodes', permission: 'node:read' },
  { area: 'templates', to: '/templates', icon: mdiShapeOutline, label: 'navigation.templates', permission: 'template:read' },
] as const
