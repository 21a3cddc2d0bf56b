import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Settings } from '../settings.ts'
import { run } from './run.ts'

const SOURCES = [
  'dashboard/src/**/*',
  'dashboard/public/**/*',
  'dashboard/index.html',
  'dashboard/*.ts',
  'dashboard/package.json',
  'schema/api.graphql',
  'pnpm-lock.yaml',
]

/** Folder of the built dashboard, below `root`. */
export const dashboardFolder = (root: string) => path.join(root, 'dashboard', 'dist')

/** Builds the dashboard unless the build of exactly these sources is there. Returns whether it had to. */
export async function buildDashboard(root: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const hash = createHash('sha256')
  const files = globSync(SOURCES, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const name of files.map((entry) => path.join(entry.parentPath, entry.name)).sort()) {
    if (!name.includes(`${path.sep}gql${path.sep}`)) hash.update(name).update(readFileSync(name))
  }
  const wanted = hash.digest('hex')
  const stamp = path.join(dashboardFolder(root), '.built-from')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return false
  await run(process.execPath, [path.join(root, 'dashboard', 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'], {
    cwd: path.join(root, 'dashboard'),
    env,
  })
  writeFileSync(stamp, wanted)
  return true
}

/**
 * Vite's development server with hot reload. It takes the public address, which is the only one that cookies and the Origin
 * check know, and passes what is for the api on to it.
 * @param publicPort port that Vite listens on
 * @param api settings of the api behind it
 */
export async function serveDashboard(publicPort: number, api: Settings): Promise<{ stop(): Promise<void> }> {
  const { createServer } = await import('vite')
  const target = `http://127.0.0.1:${String(api.httpPort)}`
  const server = await createServer({
    root: path.join(api.root, 'dashboard'),
    server: { host: '127.0.0.1', port: publicPort, strictPort: true, proxy: { '/graphql': { target, ws: true } } },
  })
  await server.listen()
  return { stop: () => server.close() }
}
