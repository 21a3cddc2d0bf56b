import 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's title. */
    title: string
    /** Shown without a session. */
    isPublic?: boolean
    /** Entry of the navigation that stands for this page. */
    area?: 'servers' | 'nodes' | 'templates'
    /** Some of its texts are in `locales/pages/`. */
    hasPageTexts?: boolean
    /** Shown without the navigation around it. */
    isBare?: boolean
  }
}
