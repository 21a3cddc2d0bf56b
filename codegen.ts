import type { CodegenConfig } from '@graphql-codegen/cli'

const shared = {
  useTypeImports: true,
  enumsAsTypes: true,
  strictScalars: true,
  scalars: { DateTime: 'string', SafeInt: 'number' },
  avoidOptionals: { field: true, inputValue: false, object: true, defaultValue: false },
}

/** Typed documents. Generated when missing or stale (scripts/lib/generated.ts), never committed. */
const config: CodegenConfig = {
  overwrite: true,
  generates: {
    'dashboard/src/gql/': {
      schema: 'schema/api.graphql',
      documents: ['dashboard/src/**/*.{ts,vue}', '!dashboard/src/gql/**', '!dashboard/src/**/*.test.ts'],
      preset: 'client',
      presetConfig: { fragmentMasking: { unmaskFunctionName: 'readFragment' } },
      config: shared,
    },
    'tests/support/gql/': {
      schema: 'schema/api.graphql',
      documents: ['tests/{support,integration,agent,contract,e2e,faults,bench}/**/*.ts', '!tests/support/gql/**'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { ...shared, importExtension: '.ts' },
    },
    'agent/src/gql/': {
      schema: 'schema/agent.graphql',
      documents: ['agent/src/**/*.ts', '!agent/src/gql/**'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      // As text: the agent needs nothing of graphql-js when it runs.
      config: { ...shared, importExtension: '.ts', documentMode: 'string' },
    },
  },
  ignoreNoDocuments: true,
}

export default config
