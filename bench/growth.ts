/**
 * How lists, archive and log grow in a year, from the sizes of real tokens and leaves: `node --import tsx bench/growth.ts`.
 * docs/operations.md has its table.
 */
import { gzipSync } from 'node:zlib'
import { chunkRoot } from '../shared/audit/chunk-proof.ts'
import { encodeEntry } from '../shared/audit/entry.ts'
import { encodeBase64url } from '../shared/base64url.ts'
import { sha256Base64url } from '../shared/hash.ts'
import { generateEs256Key } from '../shared/key/signer.software.ts'
import { systemRandom } from '../shared/random.ts'
import { statusListBytes, writeStatus } from '../shared/status-list/bits.ts'
import { signStatusListCwt } from '../shared/status-list/cwt.ts'
import { signStatusListToken } from '../shared/status-list/token.ts'
import { issueLeafCertificate, issueRootCertificate } from '../shared/trust/certificate.ts'

const SIZE = 2 ** 20
const LANES = 10
const REVOKED = 0.01
const COPIES = 2
const PUBLICATIONS = (365 * 86_400) / 300
const now = Math.floor(Date.now() / 1000)
const uri = `https://issuer.example/status/${encodeBase64url(systemRandom(16))}`

const root = generateEs256Key()
const issuer = generateEs256Key()
const times = { notBefore: now, notAfter: now + 86_400, random: systemRandom }
const certificate = await issueRootCertificate({
  subject: { commonName: 'Growth CA' },
  pkcs8: root.pkcs8,
  ...times,
})
const leafCertificate = await issueLeafCertificate({
  subject: { commonName: 'Growth issuer', organisation: 'Growth', country: 'UT' },
  publicJwk: issuer.signer.publicJwk,
  role: 'attestation',
  sanUris: ['https://issuer.example'],
  sanDns: ['issuer.example'],
  issuer: { certificate, pkcs8: root.pkcs8 },
  ...times,
})
const x5c = [Buffer.from(leafCertificate).toString('base64')]

console.log(
  '| credentials | lists | list in memory | token (JWT, gzip, CWT) | archive a year | log entries a year | log a year |',
)
console.log('|---:|---:|---:|---|---:|---:|---:|')
for (const credentials of [1e5, 1e7, 1e9]) {
  const copies = credentials * COPIES
  const lists = Math.max(LANES, Math.ceil(copies / (SIZE * 0.9)))
  const { jwt, gzip, cwt, leaf } = await measure(Math.round((copies * REVOKED) / lists))
  const publications = lists * PUBLICATIONS
  // Two leaves for each issuance, five for what led to it, one for each change of a copy.
  const other = credentials * 7 + copies * REVOKED
  const entries = publications + other
  const log = publications * (leaf + 34) + other * (100 + 34)
  console.log(
    `| ${credentials.toExponential(0)} | ${lists} | ${mega(lists * (SIZE / 4))} | ${kilo(jwt)}, ${kilo(gzip)}, ${kilo(cwt)} | ${giga(publications * (jwt + gzip + cwt))} | ${entries.toExponential(1)} | ${giga(log * (1 + 1 / 255))} |`,
  )
}

async function measure(
  revoked: number,
): Promise<{ jwt: number; gzip: number; cwt: number; leaf: number }> {
  const list = statusListBytes(SIZE, 2)
  for (let n = 0, seed = 1; n < revoked; n++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    writeStatus(list, { bits: 2, idx: Math.floor((seed / 2 ** 32) * SIZE), status: 1 })
  }
  const { signer } = issuer
  const claims = { uri, bits: 2 as const, list, iat: now, exp: now + 3600, ttl: 300, signer, x5c }
  const token = await signStatusListToken(claims)
  const digest = sha256Base64url(token)
  const entry = encodeEntry({
    ...{ type: 'status.published', at: now, list: uri, sequence: 100_000, sha256: digest },
    ...{ cwt_sha256: digest, previous: digest, iat: now, exp: now + 3600, ttl: 300, bits: 2 },
    ...{ size: SIZE, root: encodeBase64url(chunkRoot(list)), herd: 1e5, reason: 'scheduled' },
  })
  return {
    jwt: token.length,
    gzip: gzipSync(token).length,
    cwt: (await signStatusListCwt(claims)).length,
    leaf: entry.length,
  }
}

function kilo(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`
}

function mega(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

function giga(bytes: number): string {
  return bytes < 1e12 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e12).toFixed(1)} TB`
}
