import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { type RequestHandler, Router } from 'express'
import { OperatorError } from '../operator-error.ts'

/**
 * What a page may do: run and show what lies beside it, and ask the server that it came from. No script or style stands in the
 * page itself, no text becomes a script, and no other page may frame it. CSP Level 3, Trusted Types.
 */
export const PAGE_POLICY: string = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self'`,
  `img-src 'self'`,
  `connect-src 'self'`,
  `form-action 'none'`,
  `base-uri 'none'`,
  `frame-ancestors 'none'`,
  `require-trusted-types-for 'script'`,
  `trusted-types 'none'`,
].join('; ')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface PageFile {
  readonly bytes: Buffer
  readonly type: string
  readonly cache: string
}

/**
 * Serves what the build wrote to `folder`, read once, below the path that it is mounted at. What lies in `assets` has the
 * digest of its content in its name and is kept by browsers for good; the page itself is asked for each time.
 * @throws OperatorError when the pages were not built
 */
export function pageFiles(folder: string): Router {
  const files = readFiles(folder)
  const serve: RequestHandler = (request, response, next) => {
    const file = files.get(request.path)
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      next()
      return
    }
    response
      .set({
        'Content-Security-Policy': PAGE_POLICY,
        'Content-Type': file.type,
        'Cache-Control': file.cache,
        'Cross-Origin-Resource-Policy': 'same-origin',
        'Permissions-Policy':
          'publickey-credentials-create=(self), publickey-credentials-get=(self), camera=(), microphone=(), geolocation=()',
        'X-Frame-Options': 'DENY',
      })
      .send(file.bytes)
  }
  return Router().use(serve)
}

function readFiles(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(join(folder, 'index.html'))) {
    throw new OperatorError('file_unreadable', `${folder} has no pages`, {
      hint: 'npm run build makes them',
    })
  }
  const read = (path: string, cache: string): PageFile => {
    const type = TYPES[extname(path)]
    if (type === undefined) throw new Error(`${path} is of a type that pages do not have`)
    return { bytes: readFileSync(path), type, cache }
  }
  const assets = readdirSync(join(folder, 'assets')).map((name): [string, PageFile] => [
    `/assets/${name}`,
    read(join(folder, 'assets', name), 'public, max-age=31536000, immutable'),
  ])
  return new Map([...assets, ['/', read(join(folder, 'index.html'), 'no-cache')]])
}
