import type { Express } from 'express'
import type { ApiKeyStore } from '../../shared/api-key/store.ts'
import { toDateTime } from '../../shared/clock.ts'
import { didResolver } from '../../shared/did/resolver.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { type HttpServer, listen, type Observation } from '../../shared/http/server.http.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import { generateEd25519Key, generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import type { Log } from '../../shared/log.ts'
import { x509HashClientId } from '../../shared/oid4vp/client-id.ts'
import {
  parseRequestReference,
  type VerifiedRequest,
  verifyRequestObject,
} from '../../shared/oid4vp/request.ts'
import { encryptResponse } from '../../shared/oid4vp/response.ts'
import { systemRandom } from '../../shared/random.ts'
import type { ClaimPath } from '../../shared/sd-jwt/claim-path.ts'
import { issueSdJwt } from '../../shared/sd-jwt/issue.ts'
import { presentSdJwt } from '../../shared/sd-jwt/present.ts'
import { statusListBytes, writeStatus } from '../../shared/status-list/bits.ts'
import { createStatusListCache } from '../../shared/status-list/cache.ts'
import { signStatusListToken } from '../../shared/status-list/token.ts'
import { type Database, openDatabase } from '../../shared/store/database.sqlite.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { signTrustList } from '../../shared/trust/trust-list.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import { withConfiguredKeys } from '../../verifier/configured-keys.ts'
import type { Policy } from '../../verifier/policy/policy.ts'
import { policyFinder } from '../../verifier/policy-finder.ts'
import { BUILT_IN_POLICIES, readPolicies } from '../../verifier/policy-packs.ts'
import { type StatusLists, statusListsFromNetwork } from '../../verifier/presentation/status.ts'
import type { VerifierIdentity } from '../../verifier/request/create.ts'
import { verifierApplication } from '../../verifier/server.http.ts'
import { openVerifierStorage } from '../../verifier/storage.postgres.ts'
import { verifierSchema, verifierStorageOn } from '../../verifier/storage.sqlite.ts'
import type { VerifierStorage } from '../../verifier/storage.ts'
import { type TrustListKeeper, trustListKeeper } from '../../verifier/trust-list.ts'
import { contractChecked } from './contract.ts'
import { silentLog } from './log.ts'
import { noObservation } from './observation.ts'
import { NOW, type TestAuthority, testAuthority } from './pki.ts'

/** An issuer, its status list and a trust list, made with the real functions, and a clock that a test may move. */
export interface Ecosystem {
  now: number
  readonly issuer: { readonly signer: Es256Signer; readonly x5c: readonly string[] }
  readonly attestation: TestAuthority
  readonly access: TestAuthority
  readonly anchors: AnchorsAt
  readonly trustList: string
  readonly trustListSigner: Es256Signer
  /** Status list tokens by address; a list that is not there cannot be reached. */
  readonly lists: Map<string, string>
  /** How often a list was fetched. */
  fetches: number
  setStatus(idx: number, status: 0 | 1 | 2): Promise<void>
  issue(options?: {
    claims?: JsonObject
    /** Without it, the credential has no status. */
    idx?: number | 'none' | undefined
    holder?: Es256Signer
    issuer?: { readonly signer: Es256Signer; readonly x5c: readonly string[] }
  }): Promise<HeldCredential>
}

export interface HeldCredential {
  readonly sdJwt: string
  readonly holder: Es256Signer
}

export const LIST_URI = 'https://issuer.example/status/1'
const DAY = 86_400

/** Specimen data of a person who does not exist. */
export const SPECIMEN_CLAIMS: JsonObject = {
  given_name: 'Ada Maria',
  family_name: 'Specimen',
  birthdate: '1990-04-12',
  age_equal_or_over: { '16': true, '18': true, '21': true },
  document: { type: 'passport', issuing_country: 'UTO', number: 'X00000001' },
}

const DISCLOSABLE: ClaimPath[] = [
  ['given_name'],
  ['family_name'],
  ['birthdate'],
  ['age_equal_or_over', '16'],
  ['age_equal_or_over', '18'],
  ['age_equal_or_over', '21'],
  ['document', 'type'],
  ['document', 'issuing_country'],
  ['document', 'number'],
  ['verification', 'time'],
  ['verification', 'assurance_level'],
]

/** `now` is the present of the whole ecosystem, for libraries that read the clock themselves. */
export async function makeEcosystem(now: number = NOW): Promise<Ecosystem> {
  const attestation = await testAuthority('attestation', undefined, now)
  const access = await testAuthority('relying-party-access', undefined, now)
  const issuer = await attestation.leaf()
  const trustListSigner = generateEs256Key().signer
  const bytes = statusListBytes(4096, 2)
  const lists = new Map<string, string>()
  const ecosystem: Ecosystem = {
    now,
    issuer,
    attestation,
    access,
    anchors: (role, at) => [...attestation.anchors(role, at), ...access.anchors(role, at)],
    trustList: await testTrustList([attestation, access], trustListSigner, now),
    trustListSigner,
    lists,
    fetches: 0,
    setStatus: async (idx, status) => {
      writeStatus(bytes, { bits: 2, idx, status })
      const iat = ecosystem.now
      const token = { uri: LIST_URI, bits: 2 as const, list: bytes, iat, exp: iat + DAY, ttl: 60 }
      lists.set(LIST_URI, await signStatusListToken({ ...token, ...issuer }))
    },
    issue: async ({ claims = {}, idx = 7, holder, issuer: by = issuer } = {}) => {
      const own = holder ?? generateEs256Key().signer
      const sdJwt = await issueSdJwt({
        header: { typ: 'dc+sd-jwt', x5c: [...by.x5c] },
        claims: {
          iss: 'https://issuer.example',
          vct: 'urn:carnet:identity:1',
          iat: now - DAY,
          exp: now + 13 * DAY,
          cnf: { jwk: { ...own.publicJwk } },
          ...(idx === 'none' ? {} : { status: { status_list: { idx, uri: LIST_URI } } }),
          ...SPECIMEN_CLAIMS,
          verification: { time: toDateTime(now - 11 * DAY + 36_000), assurance_level: 'baseline' },
          ...claims,
        },
        disclosable: DISCLOSABLE,
        signer: by.signer,
        random: systemRandom,
      })
      return { sdJwt, holder: own }
    },
  }
  await ecosystem.setStatus(0, 0)
  return ecosystem
}

export function testTrustList(
  authorities: readonly TestAuthority[],
  signer: Es256Signer,
  now: number = NOW,
): Promise<string> {
  return signTrustList(
    {
      sequence: 1,
      operator: 'Carnet test',
      territory: 'UT',
      issuedAt: now - DAY,
      nextUpdate: now + 30 * DAY,
      entities: authorities.map(({ role, certificate }) => ({
        name: `Test ${role}`,
        services: [
          {
            role,
            name: role,
            status: 'granted',
            from: now - 300 * DAY,
            certificates: [Buffer.from(certificate).toString('base64')],
          },
        ],
      })),
    },
    signer,
  )
}

/** A verifier that serves on a port of its own, as one platform runs it. */
export interface Platform {
  readonly url: string
  readonly app: Express
  readonly clientId: string
  readonly key: string
  /** The SQLite database, where it is on that engine. */
  readonly db: Database
  readonly webhooks: WebhookStore
  readonly keys: ApiKeyStore
  readonly identity: VerifierIdentity
  readonly trustList: TrustListKeeper
  readonly statusLists: StatusLists
  /** Calls an endpoint with the platform key, unless `key` says otherwise. */
  call(
    path: string,
    options?: { body?: Json; key?: string },
  ): Promise<{ status: number; body: JsonObject }>
  request(body?: JsonObject): Promise<{ id: string; link: string; requestUri: string }>
  stop(): Promise<void>
}

export async function startPlatform(
  ecosystem: Ecosystem,
  {
    name = 'driver',
    database = ':memory:',
    policies = readPolicies([BUILT_IN_POLICIES]),
    leaf,
    log = silentLog,
    observation,
    baseUrl,
    redirectOrigins = ['https://driver.example'],
  }: {
    name?: string
    /** A file, or the connection string of a PostgreSQL database. */
    database?: string
    policies?: ReadonlyMap<string, Policy>
    leaf?: { readonly signer: Es256Signer; readonly x5c: readonly string[] }
    log?: Log
    observation?: Observation
    /** Its address, where something forwards to it. */
    baseUrl?: string
    redirectOrigins?: readonly string[]
  } = {},
): Promise<Platform> {
  const { signer, x5c } = leaf ?? (await ecosystem.access.leaf({ sanDns: [`${name}.example`] }))
  const server: HttpServer = await listen({ host: '127.0.0.1', port: 0 })
  const { storage, db } = await openStorage(database)
  const { store } = storage
  const clientId = x509HashClientId(x5c[0] ?? '')
  const url = baseUrl ?? server.url
  const identity = { baseUrl: url, clientId, signer, x5c }
  const key = `key-of-${name}`
  const trustList = await trustListKeeper({
    store,
    read: async () => ecosystem.trustList,
    signerKey: ecosystem.trustListSigner.publicJwk,
  })
  await trustList.refresh(ecosystem.now)
  const auditLog = storage.openLog({
    origin: `${name}.example`,
    signer: generateEd25519Key().signer,
  })
  const statusLists = statusListsFromNetwork(async (input) => {
    ecosystem.fetches += 1
    const token = ecosystem.lists.get(String(input))
    if (token === undefined) throw new Error('unreachable')
    return new Response(token, { headers: { 'content-type': 'application/statuslist+jwt' } })
  }, createStatusListCache())
  const app = verifierApplication({
    observation: observation ?? noObservation,
    store,
    identity,
    policies,
    defaultPolicy: policies.values().next().value as Policy,
    trustList,
    trustListSignerKeys: [generateEs256Key().signer, ecosystem.trustListSigner].map(
      (signer) => signer.publicJwk,
    ),
    auditLog,
    log,
    findPolicy: policyFinder(policies, store),
    resolveStatus: statusLists.resolve,
    resolveDid: didResolver(() => Promise.reject(new Error('no network in this test'))),
    keys: {
      store: withConfiguredKeys(storage.keys, [
        { name: 'backend', sha256: sha256Hex(key) },
        { name: 'other-system', sha256: sha256Hex(`other-${key}`) },
      ]),
      clock: () => ecosystem.now,
    },
    redirectOrigins,
    lifetimeSeconds: 300,
    webhooks: storage.webhooks,
    webhookKeys: [],
    clock: () => ecosystem.now,
    random: systemRandom,
  })
  server.serve(contractChecked('verifier', app))
  const call: Platform['call'] = async (path, { body, key: given = key } = {}) => {
    const response = await fetch(`${url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${given}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as JsonObject }
  }
  return {
    url,
    app,
    clientId,
    key,
    get db() {
      if (db === undefined) throw new Error('this verifier keeps nothing in SQLite')
      return db
    },
    webhooks: storage.webhooks,
    keys: storage.keys,
    identity,
    trustList,
    statusLists,
    call,
    request: async (body = {}) => {
      const made = await call('/requests', { body })
      if (made.status !== 201) throw new Error(JSON.stringify(made.body))
      const { request_id, authorization_request, request_uri } = made.body
      return {
        id: String(request_id),
        link: String(authorization_request),
        requestUri: String(request_uri),
      }
    },
    stop: async () => {
      await server.close()
      await storage.close()
    },
  }
}

/** What a wallet does with a link: fetches the request object and verifies it. */
export async function fetchRequest(ecosystem: Ecosystem, link: string): Promise<VerifiedRequest> {
  const reference = parseRequestReference(link)
  const response = await fetch(reference.requestUri, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ wallet_nonce: 'wallet-nonce' }),
  })
  if (response.status !== 200) throw new Error(`request object: ${await response.text()}`)
  return verifyRequestObject(await response.text(), {
    expectedClientId: reference.clientId,
    expectedWalletNonce: 'wallet-nonce',
    anchors: ecosystem.anchors,
    now: ecosystem.now,
  })
}

/** Presents what the request asks for, bound to it, unless told otherwise. */
export function presentFor(
  { request, query }: VerifiedRequest,
  { sdJwt, holder }: HeldCredential,
  {
    now = NOW,
    disclose = (query.credentials[0]?.claims ?? []).map(({ path }) => path),
    audience = request.client_id,
    nonce = request.nonce,
    signer = holder,
  }: {
    now?: number
    disclose?: readonly ClaimPath[]
    audience?: string
    nonce?: string
    signer?: Es256Signer
  } = {},
): Promise<string> {
  return presentSdJwt({ sdJwt, disclose, keyBinding: { signer, audience, nonce, now } })
}

/** Encrypts and posts presentations as a wallet does. */
export async function postResponse(
  { request, encryption }: VerifiedRequest,
  vpToken: Readonly<Record<string, readonly string[]>>,
): Promise<{ status: number; body: JsonObject }> {
  const response = await encryptResponse({ vpToken }, { ...encryption, random: systemRandom })
  return postForm(request.response_uri, { response })
}

export async function postForm(
  url: string,
  form: Record<string, string>,
): Promise<{ status: number; body: JsonObject }> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, body: (await response.json()) as JsonObject }
}

/** The whole answer to a link. */
export async function answerWith(
  ecosystem: Ecosystem,
  link: string,
  credential: HeldCredential,
): Promise<{ status: number; body: JsonObject }> {
  const verified = await fetchRequest(ecosystem, link)
  const presentation = await presentFor(verified, credential, { now: ecosystem.now })
  return postResponse(verified, { identity: [presentation] })
}

async function openStorage(
  database: string,
): Promise<{ readonly storage: VerifierStorage; readonly db: Database | undefined }> {
  if (database.startsWith('postgres://')) {
    return { storage: await openVerifierStorage(database, { random: systemRandom }), db: undefined }
  }
  const db = openDatabase(database, verifierSchema)
  return { storage: verifierStorageOn(db, { random: systemRandom }), db }
}
