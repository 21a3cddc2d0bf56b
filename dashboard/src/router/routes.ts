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
    meta: { title: 'serverCreate.title', area: 'servers' },
  },
  { path: '/servers/:id', redirect: (to) => ({ name: 'server-console', params: to.params }) },
  {
    path: '/servers/:id/console',
    name: 'server-console',
    component: () => import('../pages/ServerConsolePage.vue'),
    props: true,
    meta: { title: 'serverPage.title', area: 'servers' },
  },
  { path: '/nodes', name: 'nodes', component: () => import('../pages/NodesPage.vue'), meta: { title: 'nodes.title', area: 'nodes' } },
  {
    path: '/nodes/:id',
    name: 'node',
    component: () => import('../pages/NodePage.vue'),
    props: true,
    meta: { title: 'nodePage.title', area: 'nodes' },
  },
  {
    path: '/templates',
    name: 'templates',
    component: () => import('../pages/TemplatesPage.vue'),
    meta: { title: 'templates.title', area: 'templates' },
  },
  {
    path: '/templates/:id',
    name: 'template',
    component: () => import('../pages/TemplatePage.vue'),
    props: true,
    meta: { title: 'templatePage.title', area: 'templates' },
  },
  {
    path: '/:path(.*)*',
    name: 'not-found',
    component: () => import('../pages/NotFoundPage.vue'),
    meta: { title: 'notFound.title', isPublic: true },
  },
]
