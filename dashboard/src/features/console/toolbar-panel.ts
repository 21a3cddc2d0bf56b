/** What can be opened below the toolbar of a console. */
export type ToolbarPanel = 'search' | 'kinds' | 'size' | 'jump'
