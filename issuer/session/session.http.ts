import type { Request, RequestHandler } from 'express'
import { z } from 'zod'
import { idempotentForKey, type KeyRing, keySecurity } from '../../shared/api-key/security.http.ts'
import { encodeBase64url } from '../../shared/base64url.ts'
import type { Clock } from '../../shared/clock.ts'
import { constantTimeEqual, sha256Base64url } from '../../shared/hash.ts'
import { bearerToken } from '../../shared/http/body.http.ts'
import { type Endpoint, endpoint, plainEndpoint } from '../../shared/http/endpoint.http.ts'
import {
  type KeptAnswer,
  openKept,
  type SealingIdempotencyKey,
  sealedOnce,
} from '../../shared/idempotency/once.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import type { JsonObject } from '../../shared/json.ts'
import { credentialOfferSchema } from '../../shared/oid4vci/offer.ts'
import { PROBLEM_CODES, Problem, type ProblemCode } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { PublishedWorkflow } from '../decision/read-workflow.ts'
import { CLIP_FRAMES } from '../evidence/face/clip.ts'
import { remediesOf } from '../evidence/face/quality.ts'
import type { SessionPipeline, Turn } from '../evidence/pipeline.ts'
import type { AuthorizationServer } from '../oid4vci/authorization-server.ts'
import { newOffer, recordOffer } from '../oid4vci/offer.ts'
import type { Watchlist } from '../screening/watchlist.ts'
import type { IssuerStore } from '../store.ts'
import { callerOf } from './caller.http.ts'
import { streamProgress } from './progress.http.ts'
import type { Progress, ProgressStep } from './progress.ts'
import { IMAGES, type ReadingOf, type Readings } from './readings.ts'
import type { CollectingSession, Session } from './session.ts'
import { type SeenBook, type SubmitDeps, submitSession } from './submit.ts'
import { type Finish, uploadEndpoints } from './upload.http.ts'
import { MAX_IMAGE_BYTES, type Uploads } from './uploads.ts'
import { type ImageState, type ImageStates, sessionViewSchema, workerView } from './view.ts'

/** What the proofing endpoints work with. */
export interface SessionEndpointDeps {
  readonly issuer: string
  readonly store: IssuerStore
  readonly keys: KeyRing
  readonly readings: Readings
  readonly uploads: Uploads
  readonly progress: Progress
  readonly pipeline: SessionPipeline
  readonly seen?: SeenBook | undefined
  readonly faces?: SubmitDeps['faces']
  readonly watchlists: readonly Watchlist[]
  readonly workflow: PublishedWorkflow
  readonly authorizationServer: AuthorizationServer
  readonly sessionSeconds: number
  readonly maxOpenSessions: number
  /** Bounds how many sessions somebody begins; who, is the platform in `response.locals.caller`, else the address. */
  readonly limitSessions: RequestHandler
  /** Bounds how often an offer is asked for; the session is in `response.locals.caller`. */
  readonly limitOffers: RequestHandler
  readonly random: Random
  readonly clock: Clock
}

const ofSession = z.object({ id: z.string().max(128) })
/** Images with an address of their own; frames of a clip have a number. */
const NAMED_IMAGES = [
  ['document', 'Document'],
  ['document-back', 'DocumentBack'],
  ['selfie', 'Selfie'],
] as const
const readImage = z
  .strictObject({
    uploaded: z.enum([...IMAGES] as [string, ...string[]]),
    warnings: z.array(z.string()),
    remedies: z.record(z.string(), z.string()).meta({
      description: 'What the worker can do about each fault of the picture.',
    }),
  })
  .meta({ id: 'ReadImage' })
const begunUpload = z
  .strictObject({ upload: z.string(), offset: z.int() })
  .meta({ id: 'BegunUpload' })
const openedSession = z
  .strictObject({
    session_id: z.string(),
    session_token: z.string().meta({ description: 'Told once; whoever has it owns the session.' }),
    expires_at: z.int(),
  })
  .meta({ id: 'OpenedSession' })
const madeOffer = z
  .strictObject({
    credential_offer: credentialOfferSchema,
    credential_offer_uri: z.string(),
    credential_offer_link: z.string().meta({ description: 'A link that opens a wallet.' }),
    tx_code: z.string().meta({ description: 'Pass it on by another way than the offer.' }),
    expires_at: z.int(),
  })
  .meta({ id: 'MadeOffer' })

/** Proofing sessions for the worker: begin, upload two images, submit, and get an offer when approved. */
export function sessionEndpoints(deps: SessionEndpointDeps): readonly Endpoint[] {
  const { store, readings, progress, clock, random } = deps
  const security = {
    scheme: 'sessionToken',
    authenticate: (request: Request) => ownSession(request, store),
  } as const
  const common = { tag: 'sessions', security, params: ofSession } as const

  return [
    endpoint({
      method: 'post',
      path: '/sessions',
      operationId: 'openSession',
      tag: 'sessions',
      summary: 'Begin a proofing session',
      security: platformOrNobody(deps.keys),
      limit: deps.limitSessions,
      idempotentFor: (platform) => platform && idempotentForKey({ name: platform }),
      responses: { 201: { description: 'The session and its token', schema: openedSession } },
      problems: ['too_many_requests', 'busy'],
      handle: async ({ caller: platform, idempotency }) => {
        const now = clock()
        const id = newIdentifier(random, 16)
        const token = encodeBase64url(random(32))
        const expiresAt = now + deps.sessionSeconds
        const body = { session_id: id, session_token: token, expires_at: expiresAt }
        const opened = await store.openSession(
          {
            id,
            tokenSha256: sha256Base64url(token),
            expiresAt,
            workflow: deps.workflow,
            maxOpen: deps.maxOpenSessions,
            platform,
          },
          now,
          idempotency && sealedOnce(idempotency, { status: 201, body }, { random, now }),
        )
        if (!opened) throw new Problem('busy', 'too many sessions are open, try again later')
        const kept = opened === true ? undefined : opened
        return { status: 201, body: toldBefore(kept, idempotency, openedSession) ?? body }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/sessions/{id}',
      operationId: 'getSession',
      summary: 'How far it is, and what was decided',
      responses: { 200: { description: 'The session', schema: sessionViewSchema } },
      problems: ['session_not_found'],
      handle: ({ caller: session }) => ({
        status: 200,
        body: workerView(session, imagesOf(session.id, deps)),
      }),
    }),
    plainEndpoint(
      {
        ...common,
        method: 'get',
        path: '/sessions/{id}/events',
        operationId: 'followSession',
        summary: 'What happens in it, as server-sent events',
        responses: {
          200: { description: 'Events', mediaType: 'text/event-stream' },
          204: { description: 'There is no more to come' },
        },
        problems: ['session_not_found', 'busy'],
      },
      async (request, response) => {
        const { id, state } = await ownSession(request, store)
        const decided = state !== 'collecting'
        streamProgress({ request, response }, { progress, sessionId: id, decided })
      },
    ),
    ...imageEndpoints(deps),
    endpoint({
      ...common,
      method: 'post',
      path: '/sessions/{id}/submit',
      operationId: 'submitSession',
      summary: 'Screen and decide; a repeated one answers the same',
      responses: { 200: { description: 'The session, decided', schema: sessionViewSchema } },
      problems: ['session_not_found', 'session_state', 'session_expired', 'upload_missing'],
      handle: async ({ caller: session }) => {
        const now = clock()
        // A submission that is repeated after a lost answer gets the decision that there is.
        const decided =
          session.state === 'collecting'
            ? await submitSession(
                requireCollecting(session, now),
                {
                  store,
                  readings,
                  collect: deps.pipeline.collect,
                  watchlists: deps.watchlists,
                  seen: deps.seen,
                  faces: deps.faces,
                  onCollected: () => progress.tell(session.id, 'evidence_collected', {}, now),
                },
                now,
              )
            : session
        if (session.state === 'collecting') {
          progress.tell(session.id, 'decided', { state: decided.state }, now)
          deps.uploads.forget(session.id)
        }
        return { status: 200, body: workerView(decided) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/sessions/{id}/offer',
      operationId: 'makeOffer',
      summary: 'Offer the credential of an approved session to a wallet',
      limit: deps.limitOffers,
      idempotentFor: ({ id }) => `session ${id}`,
      responses: { 201: { description: 'The offer', schema: madeOffer } },
      problems: ['session_not_found', 'session_state', 'approval_redeemed', 'too_many_requests'],
      handle: async ({ caller: session, idempotency }) => {
        const now = clock()
        const made = newOffer(deps.issuer, random, now)
        const body = {
          credential_offer: made.offer,
          credential_offer_uri: made.uri,
          credential_offer_link: made.link,
          tx_code: made.txCode,
          expires_at: made.expiresAt,
        }
        const once = idempotency && sealedOnce(idempotency, { status: 201, body }, { random, now })
        const kept = await recordOffer(session, made, { ...deps, now, once })
        return { status: 201, body: toldBefore(kept, idempotency, madeOffer) ?? body }
      },
    }),
  ]
}

/** What was told when a request came first; `undefined` where this is the first time. */
function toldBefore<Body>(
  kept: KeptAnswer | undefined,
  key: SealingIdempotencyKey | undefined,
  schema: z.ZodType<Body>,
): Body | undefined {
  return kept && key && schema.parse(openKept(key, kept))
}

/** What an upload can be refused for. */
const UPLOAD_PROBLEMS: readonly ProblemCode[] = [
  'session_not_found',
  'session_state',
  'session_expired',
  'upload_not_found',
  'upload_offset',
  'upload_length',
  'upload_completed',
  'digest_mismatch',
  'already_uploaded',
  'body_too_large',
  'request_invalid',
  'too_many_requests',
  'busy',
  ...PROBLEM_CODES.filter((code) => /^(image|document|face)_/.test(code)),
]

/** Where images go, whole or in parts (draft-ietf-httpbis-resumable-upload). */
function imageEndpoints(deps: SessionEndpointDeps): readonly Endpoint[] {
  const { store, clock } = deps
  const upload = uploadEndpoints({ ...deps, finish: imageReader(deps) })
  const collecting: RequestHandler = async (request, response, next) => {
    response.locals.session = requireCollecting(await ownSession(request, store), clock())
    next()
  }
  const security = { scheme: 'sessionToken' } as const
  const options = {
    method: 'options',
    tag: 'sessions',
    summary: 'Ask for the bounds of uploads',
    responses: { 204: { description: 'They are in `Upload-Limit`' } },
  } as const
  const takes = {
    method: 'put',
    tag: 'sessions',
    security,
    body: { mediaType: 'image/*', maxBytes: MAX_IMAGE_BYTES },
    responses: {
      200: { description: 'It was read', schema: readImage },
      201: { description: 'The rest of it is waited for', schema: begunUpload },
    },
    problems: UPLOAD_PROBLEMS,
  } as const
  const images = NAMED_IMAGES.flatMap(([image, name]) => {
    const at = { path: `/sessions/{id}/${image}`, params: ofSession }
    const summary = `Send the image of the ${image}, or begin to`
    return [
      plainEndpoint({ ...options, ...at, operationId: `get${name}Limits` }, upload.options),
      plainEndpoint(
        { ...takes, ...at, operationId: `put${name}`, summary },
        collecting,
        upload.put(() => image),
      ),
    ]
  })
  const frame = {
    path: '/sessions/{id}/frames/{number}',
    params: z.object({ id: z.string().max(128), number: z.string() }),
  } as const
  images.push(
    plainEndpoint({ ...options, ...frame, operationId: 'getFrameLimits' }, upload.options),
    plainEndpoint(
      { ...takes, ...frame, operationId: 'putFrame', summary: 'Send a frame of a clip' },
      collecting,
      upload.put((request) => frameOf(String(request.params.number))),
    ),
  )
  const part = {
    path: '/sessions/{id}/uploads/{upload}',
    tag: 'sessions',
    params: z.object({ id: z.string(), upload: z.string() }),
  } as const
  const problems = UPLOAD_PROBLEMS
  return [
    ...images,
    plainEndpoint(
      {
        ...part,
        method: 'head',
        operationId: 'getUploadOffset',
        summary: 'How much of an image has arrived',
        security,
        responses: { 204: { description: 'It is in `Upload-Offset`' } },
        problems,
      },
      collecting,
      upload.head,
    ),
    plainEndpoint(
      {
        ...part,
        method: 'patch',
        operationId: 'appendToUpload',
        summary: 'Send a part of an image',
        security,
        body: { mediaType: 'application/partial-upload', maxBytes: MAX_IMAGE_BYTES },
        responses: {
          200: { description: 'That was the last part, and the image was read', schema: readImage },
          204: { description: 'The rest of it is waited for' },
        },
        problems,
      },
      collecting,
      upload.patch,
    ),
    plainEndpoint(
      {
        ...part,
        method: 'delete',
        operationId: 'cancelUpload',
        summary: 'Give up an upload',
        security,
        responses: { 204: { description: 'It is gone' } },
        problems,
      },
      collecting,
      upload.cancel,
    ),
    plainEndpoint({ ...options, ...part, operationId: 'getPartLimits' }, upload.options),
  ]
}

/** A platform says who it is with its key; a worker who comes alone has none. */
function platformOrNobody(keys: KeyRing) {
  const { scheme, scope, authenticate } = keySecurity('sessions:write', keys)
  return {
    scheme,
    scope,
    optional: true,
    authenticate: async (request: Request): Promise<string | undefined> =>
      request.headers.authorization === undefined ? undefined : (await authenticate(request)).name,
  } as const
}

/** A session that is not there and one with another token are the same answer. */
async function ownSession(request: Request, store: IssuerStore): Promise<Session> {
  const token = bearerToken(request.headers.authorization)
  if (token === undefined) throw new Problem('not_authenticated', 'the session token is needed')
  const session = await store.session(String(request.params.id))
  if (session === undefined || !constantTimeEqual(session.tokenSha256, sha256Base64url(token))) {
    throw new Problem('session_not_found', 'no session has this id and token')
  }
  return session
}

function requireCollecting(session: Session, now: number): CollectingSession {
  if (session.state !== 'collecting') {
    throw new Problem('session_state', 'the session was decided')
  }
  if (session.expiresAt <= now) throw new Problem('session_expired', 'begin a new session')
  return session
}

function frameOf(number: string): string {
  const image = `frame-${number}`
  if (!(IMAGES as readonly string[]).includes(image)) {
    throw new Problem('request_invalid', `frames are 1 to ${CLIP_FRAMES.most}`)
  }
  return image
}

/** Has an image read in its caller's turn, tells of each step, and answers what the worker can do about it. */
function imageReader(deps: SessionEndpointDeps): Finish {
  const { readings, progress, clock } = deps
  return async (name, bytes, { request, response }) => {
    const session = response.locals.session as CollectingSession
    const image = name as keyof ReadingOf
    const tell = (step: ProgressStep, data: JsonObject = {}) =>
      progress.tell(session.id, step, { image, ...data }, clock())
    const turn = { caller: callerOf(request, session), onStart: () => tell('image_reading') }
    tell('image_received', { bytes: bytes.length })
    try {
      const upload = { sessionId: session.id, bytes, expiresAt: session.expiresAt }
      const reading = await readings.read(image, upload, () => read(deps, image, bytes, turn))
      const warnings = 'warnings' in reading ? reading.warnings : []
      const told = { warnings: warnings.map(({ code }) => code), remedies: remediesOf(warnings) }
      tell('image_read', told)
      response.set('Cache-Control', 'no-store').json({ uploaded: image, ...told })
    } catch (error) {
      if (error instanceof Problem) tell('image_refused', { code: error.code, help: error.message })
      throw error
    }
  }
}

function read(
  { pipeline, clock }: SessionEndpointDeps,
  image: keyof ReadingOf,
  bytes: Buffer,
  turn: Turn,
): Promise<ReadingOf[keyof ReadingOf]> {
  switch (image) {
    case 'document':
      return pipeline.readDocument(bytes, clock(), turn)
    case 'document-back':
      return pipeline.readDocumentBack(bytes, clock(), turn)
    case 'selfie':
      return pipeline.readSelfie(bytes, turn)
    default:
      return pipeline.readFrame(bytes, turn)
  }
}

/** How far each image has come: the two that are needed, and the others that were begun. */
function imagesOf(id: string, { readings, uploads }: SessionEndpointDeps): ImageStates {
  const coming = uploads.of(id).filter(({ complete }) => !complete)
  const stateOf = (image: keyof ReadingOf): ImageState => {
    const upload = coming.find((each) => each.image === image)
    const begun = upload ? { upload: upload.id, offset: upload.offset } : {}
    if (readings.isRead(id, image)) return { state: 'read', ...begun }
    return { state: upload ? 'arriving' : 'missing', ...begun }
  }
  const states = IMAGES.map((image) => [image, stateOf(image)] as const)
  const isNeeded = (image: keyof ReadingOf) => image === 'document' || image === 'selfie'
  return Object.fromEntries(
    states.filter(([image, { state }]) => isNeeded(image) || state !== 'missing'),
  )
}
