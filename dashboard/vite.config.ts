import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import vuetify from 'vite-plugin-vuetify'
import { reportBudgets } from './bundle-budgets.ts'
import { precompiledMessages } from './compile-messages.ts'
import { inlineDocuments } from './inline-documents.ts'

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
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 700, manifest: true },
  test: { css: false },
})
