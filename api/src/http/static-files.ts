import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

/** The built dashboard. */
export type StaticFiles = {
  /** CSP hashes of the inline scripts in index.html. */
  scriptHashes: readonly string[]
  /** Answers GET and HEAD: a file, or index.html for the pages inside the app, or 404. */
  handle(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void>
}

type File = { body: Buffer; type: string; etag: string; isHashed: boolean; gzipped: Promise<Buffer> | null }

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}
const COMPRESSIBLE = /^(text\/|application\/(json|manifest)|image\/svg)/
const SMALLEST_COMPRESSED = 1024

const compress = promisify(gzip)

const digest = (data: Buffer | string) => createHash('sha256').update(data).digest('base64')

/** Vite puts its hashed files below /assets/. */
const readFile = (file: string, pathname: string): File => {
  const body = readFileSync(file)
  const type = TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream'
  return { body, type, etag: `"${digest(body).slice(0, 27)}"`, isHashed: pathname.startsWith('/assets/'), gzipped: null }
}

/**
 * Reads all files at once, by their paths. A request only ever picks from them: no path that a stranger sends reaches the
 * file system, so none can lead out of the folder.
 */
export function createStaticFiles(folder: string): StaticFiles {
  const files = new Map<string, File>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    const pathname = `/${path.relative(folder, file).split(path.sep).join('/')}`
    files.set(pathname, readFile(file, pathname))
  }
  const index = files.get('/index.html')
  if (index === undefined) throw new Error(`there is no index.html in ${folder}: build the dashboard first`)
  const inlineScripts = [...index.body.toString('utf8').matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)]

  const send = async (request: IncomingMessage, response: ServerResponse, file: File) => {
    response.setHeader('content-type', file.type)
    response.setHeader('cache-control', file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
    response.setHeader('etag', file.etag)
    response.setHeader('vary', 'accept-encoding')
    if (request.headers['if-none-match'] === file.etag) {
      response.writeHead(304).end()
      return
    }
    let { body } = file
    if (body.length >= SMALLEST_COMPRESSED && COMPRESSIBLE.test(file.type) && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
      // Once for each file, at its first use.
      file.gzipped ??= compress(body)
      body = await file.gzipped
      response.setHeader('content-encoding', 'gzip')
    }
    response.writeHead(200, { 'content-length': body.length }).end(request.method === 'HEAD' ? undefined : body)
  }

  return {
    scriptHashes: inlineScripts.map((match) => `'sha256-${digest(match[1] ?? '')}'`),
    async handle(request, response, pathname) {
      const file = files.get(pathname)
      if (file !== undefined) {
        await send(request, response, file)
        return
      }
      // Pages of the app have no extension; a missing file must not come back as a page.
      if (path.posix.extname(pathname) !== '' || pathname.startsWith('/assets/')) {
        response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found.\n')
        return
      }
      await send(request, response, index)
    },
  }
}
