import { makeKey } from '../../shared/api-key/api-key.ts'
import { systemClock } from '../../shared/clock.ts'
import { createDpopProof } from '../../shared/oauth/dpop.ts'
import { systemRandom } from '../../shared/random.ts'
import { evidenceWith } from './evidence.ts'
import type { TestIssuer } from './issuer.ts'
import {
  beginSession,
  codeOf,
  newKeys,
  submittedSession,
  testWallet,
  tokenFor,
} from './issuer-client.ts'
import type { OpenApiDocument } from './openapi.ts'
import { answerWith, type Ecosystem, fetchRequest, type Platform } from './platform.ts'
import type { TenantWorld } from './tenant-world.ts'

/** What a caller can show of themselves at one tenant. */
export interface Credentials {
  readonly session: string
  readonly reviewer: string
  readonly operator: string
  readonly second: string
  readonly platform: string
  readonly regulator: string
}

export interface Answer {
  readonly status: number
  readonly text: string
}

/** How an operation is called with what is one tenant's own. */
export interface Case {
  /** Calls it at `base`, with identifiers of the first tenant. */
  readonly call: (base: string, as: Credentials) => Promise<Answer>
  /**
   * What the second tenant's own caller is answered: nothing is there by such an identifier, or a list in which
   * nothing of the first tenant is. `none` where a call names nothing, and so would be the caller's own.
   */
  readonly own: 'not found' | 'list' | 'none'
  /** Where its specification has another form of refusal. */
  readonly refusals?: readonly number[]
}

/** Operations that answer everybody the same: they take no key and name nothing that is a tenant's secret. */
const PUBLIC = {
  issuer: [
    ...['getHealth', 'getReadiness', 'getOpenApi', 'getProblemPage', 'listWebhookKeys'],
    ...['getCredentialIssuerMetadata', 'getAuthorizationServerMetadata', 'getTypeMetadata'],
    ...['createNonce', 'getCheckpoint', 'getTile', 'getTrustList', 'getArchivedTrustList'],
    ...['listStatusLists', 'getArchivedStatusListToken'],
    ...['preflightStatusLists', 'preflightStatusListToken', 'preflightStatusList'],
    ...['getDocumentLimits', 'getDocumentBackLimits', 'getSelfieLimits', 'getFrameLimits'],
    'getPartLimits',
  ],
  verifier: [
    ...['getHealth', 'getReadiness', 'getOpenApi', 'getProblemPage', 'listWebhookKeys'],
    ...['getCheckpoint', 'getTile'],
  ],
} as const

/** The cases of both servers. */
export interface Matrix {
  readonly issuer: Side
  readonly verifier: Side
}

/** The cases of one server, who calls, and what of the first tenant nobody else may be told. */
export interface Side {
  readonly cases: Readonly<Record<string, Case>>
  readonly a: Credentials
  readonly b: Credentials
  readonly secrets: readonly string[]
}

async function documentOf(base: string): Promise<OpenApiDocument> {
  return (await (await fetch(`${base}/openapi.json`)).json()) as OpenApiDocument
}

/** Operations of the served documents that are neither called nor public, and those that are and are not served. */
export async function undeclared(
  { issuers, verifiers }: TenantWorld,
  matrix: Matrix,
): Promise<string[]> {
  const documents = [await documentOf(issuers[1].url), await documentOf(verifiers[1].url)] as const
  return [
    ...unknownOperations(documents[0], Object.keys(matrix.issuer.cases), PUBLIC.issuer),
    ...unknownOperations(documents[1], Object.keys(matrix.verifier.cases), PUBLIC.verifier),
  ]
}

function unknownOperations(
  { paths }: OpenApiDocument,
  called: readonly string[],
  open: readonly string[],
): string[] {
  const operations = Object.values(paths).flatMap((path) => Object.values(path))
  const served = new Map(operations.map((each) => [each.operationId, each]))
  const keyed = open.filter((id) => (served.get(id)?.security ?? []).length > 0)
  const declared = new Set([...called, ...open])
  return [
    ...[...served.keys()].filter((id) => !declared.has(id)),
    ...[...declared].filter((id) => !served.has(id)),
    ...keyed.map((id) => `${id} takes a key and is not public`),
  ]
}

/** What somebody gets at the second tenant by what is the first one's, and every table that changes by it. */
export async function crossings(world: TenantWorld, matrix: Matrix): Promise<string[]> {
  const found: string[] = []
  const before = await world.contents()
  for (const [side, base] of sidesOf(world, matrix, 1)) {
    for (const [operation, { call, own, refusals = [401, 404] }] of Object.entries(side.cases)) {
      const told = ({ text }: Answer) => side.secrets.some((secret) => text.includes(secret))
      const foreign = await call(base, side.a)
      if (!refusals.includes(foreign.status) || told(foreign)) {
        found.push(`${operation} with foreign credentials: ${foreign.status}`)
      }
      if (own === 'none') continue
      const answer = await call(base, side.b)
      const isFit = own === 'list' ? answer.status === 200 : answer.status === 404
      if (!isFit || told(answer)) found.push(`${operation} with own credentials: ${answer.status}`)
    }
  }
  const after = await world.contents()
  for (const table of Object.keys(before)) {
    if (before[table] !== after[table]) found.push(`rows of ${table} changed`)
  }
  return found
}

/** Calls that are refused at the first tenant too, which would show nothing. */
export async function misses(world: TenantWorld, matrix: Matrix): Promise<string[]> {
  const found: string[] = []
  for (const [side, base] of sidesOf(world, matrix, 0)) {
    for (const [operation, { call }] of Object.entries(side.cases)) {
      const { status, text } = await call(base, side.a)
      if ([400, 401, 403, 404, 415, 421].includes(status) || status >= 500) {
        found.push(`${operation}: ${status} ${text}`)
      }
    }
  }
  return found
}

function sidesOf({ issuers, verifiers }: TenantWorld, matrix: Matrix, index: 0 | 1) {
  return [
    [matrix.issuer, issuers[index].url],
    [matrix.verifier, verifiers[index].url],
  ] as const
}

/** Gives the first tenants something of every kind, and says how each operation is called with it. */
export async function tenantMatrix(world: TenantWorld, ecosystem: Ecosystem): Promise<Matrix> {
  return { issuer: await issuerSide(world), verifier: await verifierSide(world, ecosystem) }
}

async function send(
  base: string,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string'
  const ended = new AbortController()
  const response = await fetch(`${base}${path}`, {
    method,
    signal: ended.signal,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined || isRaw ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
  })
  // Events go on until somebody hangs up.
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  const text = isStream ? '' : await response.text()
  if (isStream) ended.abort()
  return { status: response.status, text }
}

async function issuerSide({ issuers, pipeline }: TenantWorld): Promise<Side> {
  const [first, second] = issuers
  const a = first.url
  await first.webhooks.addEndpoint({
    ...{ id: 'hook', url: 'https://driver.example/hook', platform: undefined, createdAt: 1 },
    types: ['carnet.session.decided.v1'],
  })
  const collecting = await beginSession(a)
  const begun = await fetch(`${a}/sessions/${collecting.id}/document-back`, {
    method: 'PUT',
    headers: {
      ...{ authorization: `Bearer ${collecting.token}`, 'content-type': 'image/png' },
      'upload-complete': '?0',
    },
    body: 'ok th',
  })
  const part = new URL(begun.headers.get('location') ?? '', a).pathname
  const approved = await submittedSession(a)
  const offered = await submittedSession(a)
  const offer = await offered.offer()
  const { code, txCode } = codeOf(offer)
  const secret = String(offer.body.credential_offer_uri).split('/').at(-1) ?? ''
  const ready = await readyWallet(first)
  const issued = await readyWallet(first)
  const copies = await issued.wallet.credential(issued.token, newKeys(6))
  const references = referencesOf(copies.body.credentials)
  pipeline.evidence = evidenceWith({ faceMatch: 0.1 })
  const referred = await submittedSession(a)
  pipeline.evidence = evidenceWith()
  const keysOf = async (issuer: TestIssuer, session: string): Promise<Credentials> => {
    const { reviewerKey, operatorKey, regulatorKey, platformKey } = issuer
    return {
      ...{ session, reviewer: reviewerKey, operator: operatorKey, second: operatorKey },
      ...{ platform: platformKey, regulator: regulatorKey },
    }
  }
  const own = await keysOf(first, collecting.token)
  const foreign = await keysOf(second, (await beginSession(second.url)).token)
  const operator = await secondOperator(first)
  const change = async (reference: unknown, more: object = {}) => {
    const body = { reference, to: 'revoked', reason_class: 'holder_request', ...more }
    const answer = await send(a, 'POST', '/status-changes', own.operator, body)
    return String(JSON.parse(answer.text).event)
  }
  const told = await change(references[1])
  const held = await change(references[2], { held_by: 'court-7' })
  await first.publish()
  const pending = await change(references[3])
  const bulk = { references: references.slice(4), to: 'suspended', reason_class: 'fraud' }
  const proposed = await send(a, 'POST', '/status-bulk', own.operator, bulk)
  const { id: bulkId, sha256 } = JSON.parse(proposed.text)
  const list = new URL(references[0]?.uri ?? '').pathname
  const frame = { 'content-type': 'image/png' }
  const partial = {
    ...{ 'content-type': 'application/partial-upload', 'upload-offset': '5' },
    'upload-complete': '?0',
  }
  const of = (id: string, path = '') => `/sessions/${id}${path}`
  const session = (method: string, path: string, body?: string, headers = {}): Case => ({
    call: (base, as) => send(base, method, path, as.session, body, headers),
    own: 'not found',
  })
  /** A session of its own, whose token is its only credential. */
  const worker = (token: string, method: string, path: string): Case => ({
    call: (base, as) => send(base, method, path, as === own ? token : as.session),
    own: 'not found',
  })
  const keyed = (
    who: keyof Credentials,
    method: string,
    path: string,
    body?: unknown,
    kind: Case['own'] = 'not found',
  ): Case => ({ call: (base, as) => send(base, method, path, as[who], body), own: kind })
  const reason = { reason_class: 'holder_request' }
  const cases: Record<string, Case> = {
    openSession: keyed('platform', 'POST', '/sessions', undefined, 'none'),
    getSession: session('GET', of(collecting.id)),
    followSession: session('GET', of(collecting.id, '/events')),
    getUploadOffset: session('HEAD', part),
    appendToUpload: session('PATCH', part, 'e back', partial),
    cancelUpload: session('DELETE', part),
    putDocument: session('PUT', of(collecting.id, '/document'), 'ok', frame),
    putDocumentBack: session('PUT', of(collecting.id, '/document-back'), 'ok', frame),
    putSelfie: session('PUT', of(collecting.id, '/selfie'), 'ok', frame),
    putFrame: session('PUT', of(collecting.id, '/frames/1'), 'ok', frame),
    submitSession: session('POST', of(collecting.id, '/submit')),
    makeOffer: worker(approved.token, 'POST', of(approved.id, '/offer')),
    listReviews: keyed('reviewer', 'GET', '/reviews', undefined, 'list'),
    getDossier: keyed('reviewer', 'GET', `/reviews/${referred.id}`),
    decideReview: keyed('reviewer', 'POST', `/reviews/${referred.id}`, {
      ...{ outcome: 'approve', reason: 'seen in person' },
    }),
    changeStatus: keyed('operator', 'POST', '/status-changes', {
      ...{ reference: references[0], to: 'suspended', ...reason },
    }),
    withdrawStatusChange: keyed('operator', 'DELETE', `/status-changes/${pending}`),
    proposeBulkChange: keyed('operator', 'POST', '/status-bulk', bulk),
    approveBulkChange: {
      call: (base, as) => {
        const key = as === own ? operator : as.second
        return send(base, 'POST', `/status-bulk/${bulkId}/approval`, key, { sha256 })
      },
      own: 'not found',
    },
    listHolderNotices: keyed('operator', 'GET', '/status-notices', undefined, 'list'),
    markHolderTold: keyed('operator', 'POST', `/status-notices/${told}/told`),
    releaseHolderNotice: keyed('operator', 'POST', `/status-notices/${held}/release`),
    getTimeliness: keyed('operator', 'GET', '/status-timeliness?from=0&to=1', undefined, 'list'),
    listWebhookDeliveries: keyed('operator', 'GET', '/webhook-deliveries', undefined, 'list'),
    getWebhookDelivery: keyed('operator', 'GET', '/webhook-deliveries/1'),
    resendWebhookDelivery: keyed('operator', 'POST', '/webhook-deliveries/1/resend'),
    getStatusListToken: keyed('regulator', 'GET', list),
    getCredentialOffer: {
      call: (base) => send(base, 'GET', `/offers/${secret}`),
      own: 'not found',
    },
    createToken: {
      call: async (base) => replied(await testWallet(base).redeem(code, txCode)),
      // RFC 6749 §5.2: `invalid_grant`.
      ...{ own: 'none', refusals: [400] },
    },
    createCredential: {
      call: async (base) => {
        const { token, wallet } = ready
        const { dpopKey } = wallet
        return replied(await testWallet(base).credential(token, newKeys(1), { dpopKey }))
      },
      own: 'none',
    },
    notifyIssuer: {
      call: async (base) => {
        const { token, wallet } = issued
        const body = { notification_id: copies.body.notification_id, event: 'credential_accepted' }
        const at = await fetch(`${base}/nonce`, { method: 'POST' })
        const dpop = await createDpopProof({
          ...{ method: 'POST', url: `${base}/notification`, accessToken: token },
          ...{ nonce: at.headers.get('dpop-nonce') ?? '', signer: wallet.dpopKey },
          ...{ random: systemRandom, now: systemClock() },
        })
        const headers = { dpop, authorization: `DPoP ${token}` }
        return send(base, 'POST', '/notification', undefined, body, headers)
      },
      own: 'none',
    },
    revokeSession: keyed('operator', 'POST', of(issued.worker.id, '/revocation'), reason),
    eraseSession: keyed('operator', 'POST', of(issued.worker.id, '/erasure'), {
      reason: 'the person has asked for it',
    }),
  }
  const secrets = [
    ...[collecting.id, approved.id, offered.id, referred.id, issued.worker.id, secret, code],
    ...[...references.map(({ uri }) => uri), bulkId],
  ]
  return { cases, a: own, b: foreign, secrets }
}

function replied({ status, body }: { readonly status: number; readonly body: unknown }): Answer {
  return { status, text: JSON.stringify(body) }
}

/** A wallet that holds the access token of an approved session. */
async function readyWallet({ url }: TestIssuer) {
  const worker = await submittedSession(url)
  const wallet = testWallet(url)
  return { worker, wallet, token: await tokenFor(worker, wallet) }
}

function referencesOf(
  credentials: readonly { readonly credential: string }[],
): readonly { readonly uri: string; readonly idx: number }[] {
  return credentials.map(({ credential }) => {
    const [, payload = ''] = credential.split('.')
    const { status } = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return { uri: String(status.status_list.uri), idx: Number(status.status_list.idx) }
  })
}

/** Another operator, who may approve what the first one proposed. */
async function secondOperator(issuer: TestIssuer): Promise<string> {
  const { text, id, sha256 } = makeKey('operator', systemRandom)
  await issuer.keys.addKey({ id, name: 'second', role: 'operator', sha256 }, systemClock())
  return text
}

async function verifierSide({ verifiers }: TenantWorld, ecosystem: Ecosystem): Promise<Side> {
  const [first, second] = verifiers
  await first.webhooks.addEndpoint({
    ...{ id: 'hook', url: 'https://driver.example/hook', platform: 'backend', createdAt: 1 },
    types: ['carnet.presentation.answered.v1'],
  })
  const open = await first.request()
  const { request } = await fetchRequest(ecosystem, open.link)
  const redirected = await first.request({ redirect_uri: 'https://driver.example/done' })
  const answered = await first.request()
  const done = await answerWith(ecosystem, answered.link, await ecosystem.issue())
  if (done.status !== 200) throw new Error(JSON.stringify(done.body))
  const back = await answerWith(ecosystem, redirected.link, await ecosystem.issue())
  const responseCode = new URL(String(back.body.redirect_uri)).searchParams.get('response_code')
  const credentialsOf = ({ key }: Platform): Credentials => ({
    ...{ session: '', reviewer: '', operator: '', second: '', regulator: '', platform: key },
  })
  const pathOf = (url: string) => new URL(url).pathname
  const keyed = (
    method: string,
    path: string,
    body?: unknown,
    kind: Case['own'] = 'not found',
  ): Case => ({ call: (base, as) => send(base, method, path, as.platform, body), own: kind })
  const form = (path: string, values: Record<string, string>): Case => ({
    call: (base) =>
      send(base, 'POST', path, undefined, new URLSearchParams(values).toString(), {
        'content-type': 'application/x-www-form-urlencoded',
      }),
    own: 'not found',
  })
  const ofAnswered = `/requests/${answered.id}`
  const cases: Record<string, Case> = {
    createPresentationRequest: keyed('POST', '/requests', {}, 'none'),
    getRequestObject: {
      call: (base) => send(base, 'GET', pathOf(open.requestUri)),
      own: 'not found',
    },
    postRequestObject: form(pathOf(open.requestUri), { wallet_nonce: 'n' }),
    postResponse: form(pathOf(request.response_uri), { error: 'access_denied' }),
    getPresentationResult: keyed('GET', ofAnswered),
    getReceipt: keyed('GET', `${ofAnswered}/receipt`),
    redeemResponseCode: keyed('POST', `/requests/${redirected.id}/redemption`, {
      response_code: responseCode,
    }),
    listWebhookDeliveries: keyed('GET', '/webhook-deliveries', undefined, 'list'),
    getWebhookDelivery: keyed('GET', '/webhook-deliveries/1'),
    resendWebhookDelivery: keyed('POST', '/webhook-deliveries/1/resend'),
    forgetPresentationRequest: keyed('DELETE', ofAnswered),
  }
  const secrets = [open.id, redirected.id, answered.id, pathOf(open.requestUri)]
  return { cases, a: credentialsOf(first), b: credentialsOf(second), secrets }
}
