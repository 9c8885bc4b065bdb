import { type Request, type RequestHandler, type Response, Router } from 'express'
import { encodeBase64url } from '../../shared/base64url.ts'
import type { Clock } from '../../shared/clock.ts'
import { constantTimeEqual, sha256Base64url } from '../../shared/hash.ts'
import { bearerToken } from '../../shared/http/body.http.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import type { JsonObject } from '../../shared/json.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { PublishedWorkflow } from '../decision/read-workflow.ts'
import { remediesOf } from '../evidence/face/quality.ts'
import type { EvidencePipeline, Turn } from '../evidence/pipeline.ts'
import type { AuthorizationServer } from '../oid4vci/authorization-server.ts'
import { makeOffer } from '../oid4vci/offer.ts'
import type { Watchlist } from '../screening/watchlist.ts'
import type { IssuerStore } from '../store.ts'
import { callerOf } from './caller.http.ts'
import { streamProgress } from './progress.http.ts'
import type { Progress, ProgressStep } from './progress.ts'
import type { Readings } from './readings.ts'
import type { CollectingSession, Session } from './session.ts'
import { submitSession } from './submit.ts'
import { type Finish, uploadEndpoints } from './upload.http.ts'
import type { Uploads } from './uploads.ts'
import { type ImageStates, workerView } from './view.ts'

/** What the proofing endpoints work with. */
export interface SessionEndpointDeps {
  readonly issuer: string
  readonly store: IssuerStore
  readonly readings: Readings
  readonly uploads: Uploads
  readonly progress: Progress
  readonly pipeline: Pick<EvidencePipeline, 'readDocument' | 'readSelfie' | 'collect'>
  readonly watchlists: readonly Watchlist[]
  readonly workflow: PublishedWorkflow
  readonly authorizationServer: AuthorizationServer
  readonly sessionSeconds: number
  readonly maxOpenSessions: number
  readonly random: Random
  readonly clock: Clock
}

/** Proofing sessions for the worker: begin, upload two images, submit, and get an offer when approved. */
export function sessionEndpoints(deps: SessionEndpointDeps): Router {
  const { store, readings, progress, clock, random } = deps
  const router = Router()
  const upload = uploadEndpoints({ ...deps, finish: imageReader(deps) })

  router.post('/sessions', async (_request, response) => {
    const now = clock()
    const id = newIdentifier(random, 16)
    const token = encodeBase64url(random(32))
    const expiresAt = now + deps.sessionSeconds
    const opened = await store.openSession(
      {
        id,
        tokenSha256: sha256Base64url(token),
        expiresAt,
        workflow: deps.workflow,
        maxOpen: deps.maxOpenSessions,
        platform: response.locals.platform,
      },
      now,
    )
    if (!opened) throw new Problem('busy', 'too many sessions are open, try again later')
    noStore(response).status(201)
    response.json({ session_id: id, session_token: token, expires_at: expiresAt })
  })

  router.get('/sessions/:id', async (request, response) => {
    const session = await ownSession(request, store)
    noStore(response).json(workerView(session, imagesOf(session.id, deps)))
  })

  router.get('/sessions/:id/events', async (request, response) => {
    const { id, state } = await ownSession(request, store)
    const decided = state !== 'collecting'
    streamProgress({ request, response }, { progress, sessionId: id, decided })
  })

  const collecting: RequestHandler = async (request, response, next) => {
    response.locals.session = requireCollecting(await ownSession(request, store), clock())
    next()
  }
  for (const image of IMAGES) {
    router.options(`/sessions/:id/${image}`, upload.options)
    router.put(`/sessions/:id/${image}`, collecting, upload.put(image))
  }
  router
    .route('/sessions/:id/uploads/:upload')
    .head(collecting, upload.head)
    .patch(collecting, upload.patch)
    .delete(collecting, upload.cancel)
    .options(upload.options)

  router.post('/sessions/:id/submit', async (request, response) => {
    const now = clock()
    const session = await ownSession(request, store)
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
              onCollected: () => progress.tell(session.id, 'evidence_collected', {}, now),
            },
            now,
          )
        : session
    if (session.state === 'collecting') {
      progress.tell(session.id, 'decided', { state: decided.state }, now)
      deps.uploads.forget(session.id)
    }
    noStore(response).json(workerView(decided))
  })

  router.post('/sessions/:id/offer', async (request, response) => {
    const { id } = await ownSession(request, store)
    const { offer, uri, link, txCode, expiresAt } = await makeOffer(id, deps, clock())
    noStore(response).status(201).json({
      credential_offer: offer,
      credential_offer_uri: uri,
      credential_offer_link: link,
      tx_code: txCode,
      expires_at: expiresAt,
    })
  })
  return router
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

/** What is read of each image. */
const IMAGES = ['document', 'selfie'] as const

/** Has an image read in its caller's turn, tells of each step, and answers what the worker can do about it. */
function imageReader(deps: SessionEndpointDeps): Finish {
  const { readings, pipeline, progress, clock } = deps
  const work = {
    document: (bytes: Buffer, turn: Turn) => pipeline.readDocument(bytes, clock(), turn),
    selfie: (bytes: Buffer, turn: Turn) => pipeline.readSelfie(bytes, turn),
  }
  return async (name, bytes, { request, response }) => {
    const session = response.locals.session as CollectingSession
    const image = name as (typeof IMAGES)[number]
    const tell = (step: ProgressStep, data: JsonObject = {}) =>
      progress.tell(session.id, step, { image, ...data }, clock())
    const turn = { caller: callerOf(request, session), onStart: () => tell('image_reading') }
    tell('image_received', { bytes: bytes.length })
    try {
      const upload = { sessionId: session.id, bytes, expiresAt: session.expiresAt }
      const { warnings } = await readings.read<typeof image>(image, upload, () =>
        work[image](bytes, turn),
      )
      const told = { warnings: warnings.map(({ code }) => code), remedies: remediesOf(warnings) }
      tell('image_read', told)
      noStore(response).json({ uploaded: image, ...told })
    } catch (error) {
      if (error instanceof Problem) tell('image_refused', { code: error.code, help: error.message })
      throw error
    }
  }
}

/** How far each image has come. */
function imagesOf(id: string, { readings, uploads }: SessionEndpointDeps): ImageStates {
  const read = readings.uploaded(id)
  const coming = uploads.of(id).filter(({ complete }) => !complete)
  const stateOf = (image: (typeof IMAGES)[number]) => {
    const upload = coming.find((each) => each.image === image)
    return {
      state: read[image] ? 'read' : upload ? 'arriving' : 'missing',
      ...(upload ? { upload: upload.id, offset: upload.offset } : {}),
    }
  }
  return { document: stateOf('document'), selfie: stateOf('selfie') }
}

function noStore(response: Response): Response {
  return response.set('Cache-Control', 'no-store')
}
