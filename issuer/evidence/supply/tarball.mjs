/** Takes named files out of an npm tarball (gzip, ustar or pax) held in memory. */
import { gunzipSync } from 'node:zlib'

const BLOCK = 512
const field = (
  /** @type {Buffer} */ header,
  /** @type {number} */ start,
  /** @type {number} */ length,
) => header.toString('utf8', start, start + length).replace(/\0.*$/s, '')

/** @param {Buffer} body pax extended header: "LENGTH key=value\n" repeated */
function paxPath(body) {
  return /^\d+ path=(.*)$/m.exec(body.toString('utf8'))?.[1]
}

/**
 * @param {Buffer} tgz
 * @param {Iterable<string>} wanted paths below the tarball's top folder
 * @returns {Map<string, Buffer>} those of the wanted files that are there
 */
export function filesFromTarball(tgz, wanted) {
  const names = new Set(wanted)
  const tar = gunzipSync(tgz)
  const found = new Map()
  /** @type {string | undefined} */ let longPath
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK)
    const size = Number.parseInt(field(header, 124, 12), 8)
    const type = field(header, 156, 1)
    const body = tar.subarray(at + BLOCK, at + BLOCK + size)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'x') {
      longPath = paxPath(body)
      continue
    }
    const prefix = field(header, 345, 155)
    const path = longPath ?? (prefix ? `${prefix}/` : '') + field(header, 0, 100)
    longPath = undefined
    const inside = path.slice(path.indexOf('/') + 1)
    if (type !== '5' && names.has(inside)) found.set(inside, body)
  }
  return found
}
