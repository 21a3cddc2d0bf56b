import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import vuetify from 'vite-plugin-vuetify'
import { reportBudgets } from './bundle-budgets.ts'
import { precompiledMessages } from './compile-messages.ts'
import { inlineDocuments } from './inline-documents.ts'

const VENDOR =
  /node_modules.(\.pnpm.)?(vue@|@vue|vue-i18n|@intlify|vue-router|@apollo|graphql|optimism|@wry|zen-observable|tslib|ts-invariant|throttle-debounce)/

export default defineConfig({
  plugins: [inlineDocuments(), precompiledMessages(), vue(), vuetify({ autoImport: true }), reportBudgets()],
  // Vue's options interface, and what libraries say to their developers, stay out of the bundle.
  define: {
    'globalThis.__DEV__': 'false',
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
  },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    manifest: true,
    // What every page needs, in one piece: smaller than in many, and kept by browsers when only the dashboard changes.
    // The chart library is kept in the same way by those who look at charts.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'vendor', test: VENDOR },
            { name: 'uplot', test: /node_modules.(\.pnpm.)?uplot/ },
          ],
        },
      },
    },
  },
  test: { css: false },
})
