import { createRequire } from 'node:module'
import path from 'node:path'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

// Vite would load its ES modules, and Node the CommonJS ones for the libraries around it: two copies do not know each other's types.
const resolve = { alias: [{ find: /^graphql$/, replacement: createRequire(`${import.meta.dirname}/api/package.json`).resolve('graphql') }] }

/** What is waited for comes at once on a quiet machine; on a busy one a whole product may take seconds. */
const PATIENCE = { poll: { timeout: 20_000 } }

/** A tier below tests/. Processes of their own: the parts under test have signals, sockets and timers. */
function tier(name: string, test: TestProjectInlineConfiguration['test'] = {}): TestProjectInlineConfiguration {
  return { resolve, test: { name, include: [`tests/${name}/**/*.test.ts`], pool: 'forks', expect: PATIENCE, ...test } }
}

// The machine's own resources (bridge, rules, processor time) are shared by these: one file after the other.
const WHOLE_PRODUCT = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 300_000 }
const DATABASE = ['tests/support/database-server.ts']

export default defineConfig({
  test: {
    // The default leaves a core to a person.
    maxWorkers: 2,
    projects: [
      {
        resolve,
        test: { name: 'unit', include: ['{api,agent,prisma}/src/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/support/**/*.test.ts'] },
      },
      {
        extends: './dashboard/vite.config.ts',
        test: {
          name: 'dashboard',
          root: 'dashboard',
          include: ['src/**/*.test.ts'],
          environment: 'happy-dom',
          setupFiles: [path.resolve('dashboard/src/test-setup.ts')],
          server: { deps: { inline: ['vuetify'] } },
        },
      },
      tier('integration', { globalSetup: DATABASE, testTimeout: 30_000, hookTimeout: 60_000 }),
      tier('agent', { globalSetup: DATABASE, testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false }),
      tier('contract', { globalSetup: DATABASE, testTimeout: 30_000, hookTimeout: 60_000 }),
      tier('e2e', WHOLE_PRODUCT),
      // Mostly waiting, and each file with a product, a containerd and ports of its own: two at once keep the time.
      tier('faults', { ...WHOLE_PRODUCT, fileParallelism: true, maxWorkers: 2 }),
      // Boots a machine, and reboots it.
      tier('host', { ...WHOLE_PRODUCT, globalSetup: DATABASE, testTimeout: 600_000, hookTimeout: 900_000 }),
    ],
  },
})
