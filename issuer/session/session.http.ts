import express, { type Request, type RequestHandler, type Response, Router } from 'express'
import { encodeBase64url } from '../../shared/base64url.ts'
import type { Clock } from '../../shared/clock.ts'
import { constantTimeEqual, sha256Base64url } from '../../shared/hash.ts'
import { bearerToken } from '../../shared/http/body.http.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { PublishedWorkflow } from '../decision/read-workflow.ts'
import type { EvidencePipeline } from '../evidence/pipeline.ts'
import type { AuthorizationServer } from '../oid4vci/authorization-server.ts'
import { makeOffer } from '../oid4vci/offer.ts'
import type { Watchlist } from '../screening/watchlist.ts'
import type { IssuerStore } from '../store.ts'
import type { Readings, Upload } from './readings.ts'
import type { CollectingSession, Session } from './session.ts'
import { submitSession } from './submit.ts'
import { workerView } from './view.ts'

/** Largest image that is taken, and how many of them may be in memory at a time. */
const MAX_IMAGE_BYTES = 10 * 1024 * 1024
const MAX_UPLOADS_AT_A_TIME = 16

/** What the proofing endpoints work with. */
export interface SessionEndpointDeps {
  readonly issuer: string
  readonly store: IssuerStore
  readonly readings: Readings
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
  const { store, readings, pipeline, clock, random } = deps
  const router = Router()
  const image = imageBody()

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
      },
      now,
    )
    if (!opened) throw new Problem('busy', 'too many sessions are open, try again later')
    noStore(response).status(201)
    response.json({ session_id: id, session_token: token, expires_at: expiresAt })
  })

  router.get('/sessions/:id', async (request, response) => {
    const session = await ownSession(request, store)
    noStore(response).json(workerView(session, readings.uploaded(session.id)))
  })

  const collecting: RequestHandler = async (request, response, next) => {
    response.locals.session = requireCollecting(await ownSession(request, store), clock())
    next()
  }

  router.put('/sessions/:id/document', collecting, ...image, async (request, response) => {
    const upload = uploadOf(request, response)
    const { warnings } = await readings.read('document', upload, () =>
      pipeline.readDocument(upload.bytes, clock(), upload.sessionId),
    )
    noStore(response).json({ uploaded: 'document', warnings: warnings.map(({ code }) => code) })
  })

  router.put('/sessions/:id/selfie', collecting, ...image, async (request, response) => {
    const upload = uploadOf(request, response)
    const { warnings } = await readings.read('selfie', upload, () =>
      pipeline.readSelfie(upload.bytes, upload.sessionId),
    )
    noStore(response).json({ uploaded: 'selfie', warnings: warnings.map(({ code }) => code) })
  })

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
              collect: pipeline.collect,
              watchlists: deps.watchlists,
            },
            now,
          )
        : session
    noStore(response).json(workerView(decided, { document: true, selfie: true }))
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

/** Reads an image into memory, unless as many as may be are there already. */
function imageBody(): RequestHandler[] {
  let inMemory = 0
  return [
    (_request, response, next) => {
      if (inMemory >= MAX_UPLOADS_AT_A_TIME) {
        throw new Problem('busy', 'send the image again in a few seconds')
      }
      inMemory += 1
      response.once('close', () => {
        inMemory -= 1
      })
      next()
    },
    express.raw({ type: () => true, limit: MAX_IMAGE_BYTES, inflate: false }),
  ]
}

function uploadOf(request: Request, response: Response): Upload {
  const { id, expiresAt } = response.locals.session as CollectingSession
  const bytes: unknown = request.body
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
    throw new Problem('request_invalid', 'the body must be the image itself')
  }
  return { sessionId: id, bytes, expiresAt }
}

function noStore(response: Response): Response {
  return response.set('Cache-Control', 'no-store')
}
