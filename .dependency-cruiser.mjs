// Import zones and cycles: main → app → graphql | agent-gateway | sftp | scheduler → modules → db. Arrows never turn back.

/** @param {string} name @param {string} from @param {string} to @param {{ except?: string, to?: object, comment?: string }} [more] */
const forbid = (name, from, to, more = {}) => ({
  name,
  severity: 'error',
  comment: more.comment,
  from: { path: from, ...(more.except && { pathNot: more.except }) },
  to: { path: to, ...more.to },
})

const TESTS = '\\.test\\.ts$'

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    // The package of the typed documents has nothing but types in it.
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^@graphql-typed-document-node/core$' } },
    {
      name: 'declared-dependencies',
      severity: 'error',
      from: { pathNot: '^[^/]+\\.(config\\.)?ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    forbid('program-is-its-own', '^api/', '^(agent|dashboard|scripts|tests)/'),
    forbid('program-is-its-own', '^agent/', '^(api|dashboard|prisma|scripts|tests)/'),
    forbid('program-is-its-own', '^dashboard/', '^(api|agent|prisma|scripts|tests)/'),
    forbid('program-is-its-own', '^prisma/', '^(api|agent|dashboard|scripts|tests)/'),
    forbid('scripts-start-programs', '^scripts/', '^(api|agent|dashboard|tests)/', {
      comment: 'Scripts start programs; they do not import them.',
    }),
    forbid('tests-by-the-front-door', '^tests/', '^(api|agent|dashboard)/', {
      to: {
        pathNot:
          '^(api/src/(app|env|scheduler/scheduler|db/database|modules/commands/command-retention|modules/console/console-(retention|store)|modules/metrics/(sample-store|roll-up-store|series-choice|series-read-model))|agent/src/(agent|env|runtime/fake/[^/]+|runtime/runtime[^/]*|runtime/containerd/[^/]+|images/image-store|network/[^/]+))\\.ts$',
      },
      comment:
        'Tests use the composition roots, the implementations of what touches a host (runtime, images, network), and the stores that benchmarks measure.',
    }),
    forbid('main-is-imported-by-nobody', '.', '^(api|agent)/src/(main|cli)\\.ts$'),
    forbid('only-main-builds-the-app', '^api/src/', '^api/src/app\\.ts$', { except: '^api/src/(main|cli)\\.ts$' }),
    forbid('only-main-builds-the-agent', '^agent/src/', '^agent/src/agent\\.ts$', { except: '^agent/src/main\\.ts$' }),
    // api
    forbid('api-env', '^api/src/', '^api/src/env\\.ts$', {
      except: `^api/src/(main|app|cli|env)\\.ts$|${TESTS}`,
      to: { dependencyTypesNot: ['type-only'] },
    }),
    forbid('api-lib-is-pure', '^api/src/lib/', '^api/src/(?!lib/)'),
    forbid('api-db-knows-no-domain', '^api/src/db/', '^api/src/(?!db/|lib/)'),
    forbid('api-events-know-no-domain', '^api/src/events/', '^api/src/(?!events/|lib/)'),
    forbid('prisma-in-stores-only', '^api/src/', '^prisma/', {
      except: `^api/src/(db/|app\\.ts|cli\\.ts|graphql/builder\\.ts)|-(store|read-model|types)\\.ts$|${TESTS}`,
      to: { dependencyTypesNot: ['type-only'] },
    }),
    forbid('services-know-no-graphql', '^api/src/modules/.*-(service|store|read-model|policy)\\.ts$', '^api/src/(graphql|agent-gateway)/'),
    forbid('stores-know-no-service', '^api/src/modules/.*-(store|read-model)\\.ts$', '-service\\.ts$', {
      to: { dependencyTypesNot: ['type-only'] },
    }),
    forbid(
      'resolvers-know-no-store',
      '^api/src/modules/.*-(types|queries|mutations|subscriptions|schema)\\.ts$',
      '-(store|read-model)\\.ts$',
      {
        to: { dependencyTypesNot: ['type-only'] },
      },
    ),
    forbid('modules-know-no-gateway', '^api/src/modules/', '^api/src/(agent-gateway|sftp|scheduler)/', {
      to: { dependencyTypesNot: ['type-only'] },
    }),
    forbid(
      'gateway-knows-no-public-schema',
      '^api/src/agent-gateway/',
      '^api/src/modules/.*-(types|queries|mutations|subscriptions|schema)\\.ts$',
    ),
    // agent
    forbid('agent-env', '^agent/src/', '^agent/src/env\\.ts$', {
      except: `^agent/src/(main|agent|env)\\.ts$|${TESTS}`,
      to: { dependencyTypesNot: ['type-only'] },
    }),
    forbid('agent-lib-is-pure', '^agent/src/lib/', '^agent/src/(?!lib/)'),
    forbid('session-knows-no-runtime', '^agent/src/session/', '^agent/src/runtime/', { to: { dependencyTypesNot: ['type-only'] } }),
    forbid('servers-know-no-session', '^agent/src/servers/', '^agent/src/(session|gql|runtime/containerd)/', { except: TESTS }),
    forbid('runtime-knows-no-server', '^agent/src/runtime/', '^agent/src/(servers|session|gql)/'),
    forbid('console-knows-no-session', '^agent/src/console/', '^agent/src/(session|gql)/'),
    forbid('metrics-know-no-session', '^agent/src/metrics/', '^agent/src/(session|gql)/'),
    forbid('state-knows-no-server', '^agent/src/state/', '^agent/src/(servers|session|runtime|gql)/', {
      to: { dependencyTypesNot: ['type-only'] },
    }),
    // dashboard
    forbid('pages-stand-alone', '^dashboard/src/pages/([^/]+)', '^dashboard/src/pages/', { to: { pathNot: '^dashboard/src/pages/$1' } }),
    forbid('features-know-no-page', '^dashboard/src/features/', '^dashboard/src/(pages|layouts|router)/'),
    forbid('components-know-no-domain', '^dashboard/src/components/', '^dashboard/src/(features|pages|layouts|gql)/'),
    forbid('composables-know-no-domain', '^dashboard/src/composables/', '^dashboard/src/(features|pages|layouts|gql)/'),
    forbid('plugins-know-no-feature', '^dashboard/src/(plugins|theme)/', '^dashboard/src/(features|pages|layouts)/'),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/generated/', '/gql/'] },
    exclude: { path: ['/dist/', '^tests/artefacts/'] },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    builtInModules: { add: ['node:sqlite', 'node:test'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mts', '.mjs', '.js', '.vue', '.d.ts'],
    },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
}
