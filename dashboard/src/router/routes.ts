import type { RouteRecordRaw } from 'vue-router'

/** Every page of the dashboard. Pages are loaded when first visited. */
export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/servers' },
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('../pages/SignInPage.vue'),
    meta: { title: 'signIn.title', isPublic: true, isBare: true },
  },
  {
    path: '/servers',
    name: 'servers',
    component: () => import('../pages/ServersPage.vue'),
    meta: { title: 'servers.title', area: 'servers' },
  },
  {
    path: '/servers/new',
    name: 'server-create',
    component: () => import('../pages/ServerCreatePage.vue'),
    meta: { title: 'serverCreate.title', area: 'servers', hasPageTexts: true },
  },
  {
    path: '/servers/:id',
    component: () => import('../pages/ServerPage.vue'),
    props: true,
    redirect: (to) => ({ name: 'server-console', params: to.params }),
    meta: { title: 'serverPage.title', area: 'servers' },
    children: [
      {
        path: 'console',
        name: 'server-console',
        component: () => import('../pages/ServerConsolePage.vue'),
        meta: { title: 'console.title', hasPageTexts: true },
      },
      {
        path: 'metrics',
        name: 'server-metrics',
        component: () => import('../pages/ServerMetricsPage.vue'),
        meta: { title: 'charts.title', hasPageTexts: true },
      },
      {
        path: 'activity',
        name: 'server-activity',
        component: () => import('../pages/ServerActivityPage.vue'),
        meta: { title: 'activity.title', hasPageTexts: true },
      },
      {
        path: 'settings',
        name: 'server-settings',
        component: () => import('../pages/ServerSettingsPage.vue'),
        meta: { title: 'settings.title', hasPageTexts: true },
      },
    ],
  },
  {
    path: '/nodes',
    name: 'nodes',
    component: () => import('../pages/NodesPage.vue'),
    meta: { title: 'nodes.title', area: 'nodes', hasPageTexts: true },
  },
  {
    path: '/nodes/:id',
    name: 'node',
    component: () => import('../pages/NodePage.vue'),
    props: true,
    redirect: (to) => ({ name: 'node-overview', params: to.params }),
    meta: { title: 'nodePage.title', area: 'nodes', hasPageTexts: true },
    children: [
      {
        path: 'overview',
        name: 'node-overview',
        component: () => import('../pages/NodeOverviewPage.vue'),
        meta: { title: 'nodePage.overview' },
      },
      {
        path: 'metrics',
        name: 'node-metrics',
        component: () => import('../pages/NodeMetricsPage.vue'),
        meta: { title: 'charts.title' },
      },
      {
        path: 'servers',
        name: 'node-servers',
        component: () => import('../pages/NodeServersPage.vue'),
        meta: { title: 'servers.title' },
      },
      { path: 'ports', name: 'node-ports', component: () => import('../pages/NodePortsPage.vue'), meta: { title: 'nodePorts.title' } },
      { path: 'events', name: 'node-events', component: () => import('../pages/NodeEventsPage.vue'), meta: { title: 'nodeEvents.title' } },
      {
        path: 'settings',
        name: 'node-settings',
        component: () => import('../pages/NodeSettingsPage.vue'),
        meta: { title: 'settings.title' },
      },
    ],
  },
  {
    path: '/templates',
    name: 'templates',
    component: () => import('../pages/TemplatesPage.vue'),
    meta: { title: 'templates.title', area: 'templates', hasPageTexts: true },
  },
  {
    path: '/templates/:id',
    name: 'template',
    component: () => import('../pages/TemplatePage.vue'),
    props: true,
    meta: { title: 'templatePage.title', area: 'templates', hasPageTexts: true },
  },
  {
    path: '/:path(.*)*',
    name: 'not-found',
    component: () => import('../pages/NotFoundPage.vue'),
    meta: { title: 'notFound.title', isPublic: true },
  },
]
