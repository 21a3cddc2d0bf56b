import { createVuetify } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'
import { vuetifyThemes } from '../theme/vuetify-themes.ts'

const field = { variant: 'outlined', density: 'compact', hideDetails: 'auto', color: 'primary' }
const choice = { density: 'compact', hideDetails: 'auto', color: 'primary' }

/** Vuetify with the design's defaults, set once. */
export function createDashboardVuetify() {
  return createVuetify({
    theme: { defaultTheme: 'system', themes: vuetifyThemes },
    display: { mobileBreakpoint: 'md', thresholds: { sm: 600, md: 960, lg: 1280, xl: 1600, xxl: 2000 } },
    icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
    defaults: {
      global: { ripple: false },
      VBtn: { variant: 'outlined', height: 32 },
      VTextField: field,
      VTextarea: field,
      VSelect: field,
      VCheckbox: choice,
      VMenu: { transition: 'fade-transition', offset: 4 },
      VDialog: { transition: 'fade-transition', maxWidth: 560, scrollable: true },
      VList: { density: 'compact', slim: true },
    },
  })
}
