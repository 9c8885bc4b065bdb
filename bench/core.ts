/**
 * What the credential core costs beside the calls of node:crypto that it cannot avoid and beside the libraries, all
 * checks on, in one process: `node --import tsx bench/core.ts [iterations]`.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
  webcrypto,
} from 'node:crypto'
import { constants, deflateSync } from 'node:zlib'
import { StatusList as LibraryStatusList } from '@sd-jwt/jwt-status-list'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import { encodeBase64url } from '../shared/base64url.ts'
import { toDate } from '../shared/clock.ts'
import type { JsonObject } from '../shared/json.ts'
import { generateEs256Key, openEs256Key } from '../shared/key/signer.software.ts'
import type { EcPublicJwk } from '../shared/key/signer.ts'
import { systemRandom } from '../shared/random.ts'
import type { ClaimPath } from '../shared/sd-jwt/claim-path.ts'
import { issueSdJwt } from '../shared/sd-jwt/issue.ts'
import { holdSdJwt, presentSdJwt } from '../shared/sd-jwt/present.ts'
import { verifySdJwtVc } from '../shared/sd-jwt/vc.ts'
import { statusListBytes, writeStatus } from '../shared/status-list/bits.ts'
import { createStatusListCache } from '../shared/status-list/cache.ts'
import { deflateStatusList } from '../shared/status-list/compress.ts'
import { resolveStatus } from '../shared/status-list/resolve.ts'
import { signStatusListToken } from '../shared/status-list/token.ts'
import { issueLeafCertificate, issueRootCertificate } from '../shared/trust/certificate.ts'
import { type BenchCase, compare, renderRows } from './ratio.ts'

const iterations = Number(process.argv[2] ?? 200)
const rounds = 11
const now = Math.floor(Date.now() / 1000)
const DAY = 86_400
const AUDIENCE = 'x509_hash:0123456789abcdef0123456789abcdef0123456789a'
const NONCE = 'n-0S6_WzA2Mj'

// ---- an issuer with a chain, and holders with fresh keys

const root = generateEs256Key()
const anchor = await issueRootCertificate({
  subject: { commonName: 'Bench CA' },
  pkcs8: root.pkcs8,
  notBefore: now - DAY,
  notAfter: now + DAY,
  random: systemRandom,
})
const issuer = generateEs256Key()
const leaf = await issueLeafCertificate({
  subject: { commonName: 'Bench issuer' },
  publicJwk: issuer.signer.publicJwk,
  role: 'attestation',
  sanUris: ['https://issuer.example'],
  notBefore: now - DAY,
  notAfter: now + DAY,
  issuer: { certificate: anchor, pkcs8: root.pkcs8 },
  random: systemRandom,
})
const x5c = [Buffer.from(leaf).toString('base64')]
const anchors = () => [anchor]
const issuerPrivate = createPrivateKey(issuer.pkcs8)
const issuerPublic = createPublicKey(issuerPrivate)

interface Holder {
  readonly signer: ReturnType<typeof openEs256Key>
  readonly jwk: EcPublicJwk
  readonly privateKey: KeyObject
}
function freshHolder(): Holder {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  const signer = openEs256Key(pem)
  return { signer, jwk: signer.publicJwk, privateKey }
}

/** 12 plain claims, an address with 4 claims inside, an array with 2 elements: 20 disclosures. */
function claimsFor(jwk: EcPublicJwk, portrait = ''): JsonObject {
  const plain = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`claim_${index}`, `value of claim ${index}`]),
  )
  return {
    iss: 'https://issuer.example',
    iat: now - 60,
    exp: now + DAY,
    vct: 'urn:carnet:identity:1',
    cnf: { jwk: { ...jwk } },
    status: { status_list: { idx: 4711, uri: 'https://issuer.example/status/1' } },
    ...plain,
    ...(portrait === '' ? {} : { portrait }),
    address: {
      street_address: 'Heidestraße 17',
      locality: 'Köln',
      postal_code: '51147',
      country: 'DE',
    },
    nationalities: ['UT', 'DE'],
  }
}
const DISCLOSABLE: ClaimPath[] = [
  ...Array.from({ length: 12 }, (_, index) => [`claim_${index}`]),
  ['address'],
  ['address', 'street_address'],
  ['address', 'locality'],
  ['address', 'postal_code'],
  ['address', 'country'],
  ['nationalities'],
  ['nationalities', 0],
  ['nationalities', 1],
]
const SHOWN: ClaimPath[] = [['claim_0'], ['claim_1'], ['claim_2'], ['address', 'country']]
const PORTRAIT = `data:image/jpeg;base64,${Buffer.alloc(9000, 7).toString('base64')}`

const issue = (claims: JsonObject, disclosable = DISCLOSABLE) =>
  issueSdJwt({
    header: { typ: 'dc+sd-jwt', x5c },
    claims,
    disclosable,
    signer: issuer.signer,
    random: systemRandom,
  })

// ---- the library as its documentation shows it: WebCrypto for signatures and digests

const { subtle } = webcrypto
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
async function documentedCrypto(privateKey: KeyObject) {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' })
  const key = await subtle.importKey('pkcs8', der, ECDSA, false, ['sign'])
  return async (data: string) =>
    encodeBase64url(new Uint8Array(await subtle.sign(ECDSA, key, new TextEncoder().encode(data))))
}
async function documentedVerifier(jwk: object) {
  const { kty, crv, x, y } = jwk as EcPublicJwk
  const key = await subtle.importKey('jwk', { kty, crv, x, y }, ECDSA, false, ['verify'])
  return async (data: string, signature: string) =>
    subtle.verify(ECDSA, key, Buffer.from(signature, 'base64url'), new TextEncoder().encode(data))
}
const documentedHasher = async (data: string | ArrayBuffer) =>
  new Uint8Array(
    await subtle.digest(
      'SHA-256',
      typeof data === 'string' ? new TextEncoder().encode(data) : data,
    ),
  )
const documentedSalt = (length: number) =>
  Buffer.from(webcrypto.getRandomValues(new Uint8Array(length)))
    .toString('hex')
    .slice(0, length)

const libraryIssuer = new SDJwtVcInstance({
  signer: await documentedCrypto(issuerPrivate),
  signAlg: 'ES256',
  verifier: await documentedVerifier(issuer.signer.publicJwk),
  hasher: documentedHasher,
  hashAlg: 'sha-256',
  saltGenerator: documentedSalt,
  kbVerifier: async (data, signature, payload) =>
    (await documentedVerifier(payload.cnf?.jwk as object))(data, signature),
})
const FRAME = {
  _sd: [...Array.from({ length: 12 }, (_, index) => `claim_${index}`), 'address', 'nationalities'],
  address: { _sd: ['street_address', 'locality', 'postal_code', 'country'] },
  nationalities: { _sd: [0, 1] },
}
const PRESENT_FRAME = { claim_0: true, claim_1: true, claim_2: true, address: { country: true } }
const libraryHeader = { header: { typ: 'dc+sd-jwt', x5c } }

// ---- cases; every iteration has a holder key that was never seen before

const pool = Array.from({ length: iterations }, freshHolder)
const claims = pool.map(({ jwk }) => claimsFor(jwk))
const portraits = pool.map(({ jwk }) => claimsFor(jwk, PORTRAIT))
const held = await Promise.all(claims.map((one) => issue(one)))
const parsed = held.map((compact) => holdSdJwt(compact))
const bind = (signer: Holder['signer']) => ({ signer, audience: AUDIENCE, nonce: NONCE, now })
const presented = await Promise.all(
  held.map((sdJwt, index) =>
    presentSdJwt({ sdJwt, disclose: SHOWN, keyBinding: bind((pool[index] as Holder).signer) }),
  ),
)
const withPortrait = [...DISCLOSABLE, ['portrait']]
const heldPortrait = await Promise.all(portraits.map((one) => issue(one, withPortrait)))
const shownPortrait = await Promise.all(
  heldPortrait.map((sdJwt, index) =>
    presentSdJwt({
      sdJwt,
      disclose: [...SHOWN, ['portrait']],
      keyBinding: bind((pool[index] as Holder).signer),
    }),
  ),
)

const es256 = { dsaEncoding: 'ieee-p1363' as const }
/** The texts that a floor hashes and signs are ready before it runs. */
function floorInput(compact: string) {
  const parts = compact.split('~')
  const [jwt = ''] = parts
  const kb = parts.at(-1) as string
  const [input, signature] = split(jwt)
  const [kbInput, kbSignature] = kb === '' ? [Buffer.alloc(0), Buffer.alloc(0)] : split(kb)
  const presentation = compact.slice(0, compact.lastIndexOf('~') + 1)
  return { disclosures: parts.slice(1, -1), input, signature, kbInput, kbSignature, presentation }
}
function split(jwt: string): [Buffer, Buffer] {
  const dot = jwt.lastIndexOf('.')
  return [Buffer.from(jwt.slice(0, dot)), Buffer.from(jwt.slice(dot + 1), 'base64url')]
}

function issueFloor(texts: readonly string[]): BenchCase {
  const inputs = texts.map(floorInput)
  return {
    name: 'floor',
    run: (count) => {
      for (let index = 0; index < count; index++) {
        const { disclosures, input } = inputs[index] as ReturnType<typeof floorInput>
        randomFillSync(new Uint8Array(16 * disclosures.length))
        for (const text of disclosures) hash('sha256', text, 'base64url')
        sign('sha256', input, { key: issuerPrivate, ...es256 })
      }
    },
  }
}
const presentFloor: BenchCase = {
  name: 'floor',
  run: (count) => {
    for (let index = 0; index < count; index++) {
      const { presentation, kbInput } = presentInputs[index] as ReturnType<typeof floorInput>
      hash('sha256', presentation, 'base64url')
      sign('sha256', kbInput, { key: (pool[index] as Holder).privateKey, ...es256 })
    }
  },
}
const presentInputs = presented.map(floorInput)
function verifyFloor(texts: readonly string[]): BenchCase {
  const inputs = texts.map(floorInput)
  return {
    name: 'floor',
    run: (count) => {
      for (let index = 0; index < count; index++) {
        const one = inputs[index] as ReturnType<typeof floorInput>
        verify('sha256', one.input, { key: issuerPublic, ...es256 }, one.signature)
        for (const text of one.disclosures) hash('sha256', text, 'base64url')
        const jwk = { ...(pool[index] as Holder).jwk }
        const key = createPublicKey({ key: jwk, format: 'jwk' })
        hash('sha256', one.presentation, 'base64url')
        verify('sha256', one.kbInput, { key, ...es256 }, one.kbSignature)
      }
    },
  }
}
const expectation = {
  anchors,
  now,
  keyBinding: { expectedAudience: AUDIENCE, expectedNonce: NONCE, maxAgeSeconds: 86_400 },
  expectedVcts: ['urn:carnet:identity:1'],
}
const forEach =
  <T>(values: readonly T[], act: (value: T, index: number) => unknown) =>
  async (count: number) => {
    for (let index = 0; index < count; index++) await act(values[index] as T, index)
  }

async function table(
  title: string,
  cases: readonly BenchCase[],
  count = iterations,
): Promise<void> {
  console.log(
    `\n### ${title}\n\n${renderRows(await compare(cases, { iterations: count, rounds }))}`,
  )
}

await table('Issue, 20 disclosures', [
  issueFloor(held),
  { name: 'carnet', run: forEach(claims, (one) => issue(one)) },
  {
    name: '@sd-jwt/core 0.20.0, documented crypto',
    run: forEach(claims, (one) => libraryIssuer.issue(one as never, FRAME as never, libraryHeader)),
  },
])
await table('Present 5 of 20 with key binding', [
  presentFloor,
  {
    name: 'carnet, credential parsed when it was stored',
    run: forEach(parsed, (sdJwt, index) =>
      presentSdJwt({ sdJwt, disclose: SHOWN, keyBinding: bind((pool[index] as Holder).signer) }),
    ),
  },
  {
    name: 'carnet, credential parsed each time',
    run: forEach(held, (sdJwt, index) =>
      presentSdJwt({ sdJwt, disclose: SHOWN, keyBinding: bind((pool[index] as Holder).signer) }),
    ),
  },
  {
    name: '@sd-jwt/core 0.20.0, documented crypto',
    run: await libraryPresent(),
  },
])
await table('Verify 5 of 20 with key binding, chain and fresh holder key', [
  verifyFloor(presented),
  { name: 'carnet', run: forEach(presented, (compact) => verifySdJwtVc(compact, expectation)) },
  {
    name: '@sd-jwt/core 0.20.0, documented crypto (no chain, no status)',
    run: await libraryVerify(),
  },
])
await table('The same with a portrait of 12 kB: issue', [
  issueFloor(heldPortrait),
  { name: 'carnet', run: forEach(portraits, (one) => issue(one, withPortrait)) },
])
await table('The same with a portrait of 12 kB: verify', [
  verifyFloor(shownPortrait),
  { name: 'carnet', run: forEach(shownPortrait, (compact) => verifySdJwtVc(compact, expectation)) },
])

async function libraryPresent(): Promise<BenchCase['run']> {
  const wallets = await Promise.all(
    pool.map(async ({ privateKey }) => {
      const kbSigner = await documentedCrypto(privateKey)
      const own = {
        hasher: documentedHasher,
        hashAlg: 'sha-256' as const,
        saltGenerator: documentedSalt,
      }
      return new SDJwtVcInstance({ ...own, kbSigner, kbSignAlg: 'ES256' })
    }),
  )
  const kb = { payload: { iat: now, aud: AUDIENCE, nonce: NONCE } }
  return forEach(held, (compact, index) =>
    (wallets[index] as SDJwtVcInstance).present(compact, PRESENT_FRAME as never, { kb }),
  )
}

async function libraryVerify(): Promise<BenchCase['run']> {
  // the library fetches a status list for every verification; its credentials have none here
  const texts = await Promise.all(
    pool.map(async ({ jwk, signer }) => {
      const { status: _status, ...claims } = claimsFor(jwk)
      return presentSdJwt({ sdJwt: await issue(claims), disclose: SHOWN, keyBinding: bind(signer) })
    }),
  )
  return forEach(texts, (compact) => libraryIssuer.verify(compact, { keyBindingNonce: NONCE }))
}

// ---- status lists

function listOf(size: number, share: number): Uint8Array {
  const list = statusListBytes(size, 1)
  for (let drawn = 0; drawn < size * share; drawn++) {
    const idx = Buffer.from(systemRandom(4)).readUInt32BE() % size
    writeStatus(list, { bits: 1, idx, status: 1 })
  }
  return list
}

const list7 = listOf(10_000_000, 0.01)
console.log('\n### Sizes of 10^7 statuses of one bit, 1 % set (zlib, bytes)\n')
for (const [name, options] of [
  ['level 9', { level: 9 }],
  ['level 6', { level: 6 }],
  ['runs only (chosen)', { level: 9, strategy: constants.Z_RLE, memLevel: 9 }],
  ['Huffman only', { level: 9, strategy: constants.Z_HUFFMAN_ONLY, memLevel: 9 }],
] as const) {
  const started = process.cpuUsage()
  const { length } = deflateSync(list7, options)
  const { user, system } = process.cpuUsage(started)
  console.log(`- ${name}: ${length} in ${((user + system) / 1000).toFixed(1)} ms`)
}
{
  const numbers = Array.from(list7, (byte) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (byte >> bit) & 1),
  ).flat()
  const started = process.cpuUsage()
  new LibraryStatusList(numbers, 1).compressStatusList()
  const { user, system } = process.cpuUsage(started)
  const theirs = user + system
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const begun = process.cpuUsage()
    encodeBase64url(deflateStatusList(list7))
    const own = process.cpuUsage(begun)
    times.push(own.user + own.system)
  }
  const median = times.sort((a, b) => a - b)[rounds >> 1] as number
  console.log(
    `\nencode 10^7: carnet ${(median / 1000).toFixed(1)} ms, @sd-jwt/jwt-status-list ${(theirs / 1000).toFixed(0)} ms (one run), × ${(theirs / median).toFixed(0)}`,
  )
}

const list6 = listOf(1_000_000, 0.01)
const uri = 'https://issuer.example/status/1'
const publish = {
  uri,
  bits: 1 as const,
  list: list6,
  iat: now,
  exp: now + DAY,
  ttl: 3600,
  signer: issuer.signer,
  x5c,
}
const token = await signStatusListToken(publish)
const [statusInput] = split(token)
const encodedList = deflateStatusList(list6)
await table(
  'Flip one status and publish again, 10^6 statuses of one bit, 1 % set',
  [
    {
      name: 'floor: base64url of the compressed list twice and one signature',
      run: (count) => {
        for (let index = 0; index < count; index++) {
          Buffer.from(encodedList.toString('base64url')).toString('base64url')
          sign('sha256', statusInput, { key: issuerPrivate, ...es256 })
        }
      },
    },
    {
      name: 'carnet',
      run: async (count) => {
        for (let index = 0; index < count; index++) {
          writeStatus(list6, { bits: 1, idx: index * 997, status: index & 1 })
          await signStatusListToken(publish)
        }
      },
    },
  ],
  Math.min(iterations, 50),
)
const cache = createStatusListCache()
const resolution = { fetchToken: async () => token, anchors, now, cache, maxStalenessSeconds: DAY }
await table('Verify with the status of a cached list of 10^6', [
  {
    name: 'without status',
    run: forEach(presented, (compact) => verifySdJwtVc(compact, expectation)),
  },
  {
    name: 'with status',
    run: forEach(presented, async (compact) => {
      const { status, claims } = verifySdJwtVc(compact, expectation)
      if (!status) throw new Error('no status')
      const { verdict } = await resolveStatus(status, {
        ...resolution,
        credentialExpires: claims.exp as number,
      })
      if (verdict === 'undetermined') throw new Error('undetermined')
    }),
  },
])
console.log(
  `\nNode ${process.version}, ${iterations} iterations, ${rounds} rounds, ${toDate(now).toISOString().slice(0, 10)}`,
)
