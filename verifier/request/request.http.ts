import { Router } from 'express'
import { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { bearerToken, formBody, jsonBody } from '../../shared/http/body.http.ts'
import { REQUEST_OBJECT_MEDIA_TYPE } from '../../shared/oid4vp/request.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import { parseRequest } from '../../shared/schema.ts'
import type { Policy } from '../policy/policy.ts'
import type { VerifierStore } from '../store.ts'
import {
  checkIdentity,
  createRequest,
  renderRequestObject,
  requestReference,
  type VerifierIdentity,
} from './create.ts'

/** A key that a platform's own systems call with: its name, and the SHA-256 of the key. */
export interface ApiKey {
  readonly name: string
  readonly sha256: string
}

/** What the request endpoints need. */
export interface RequestContext {
  readonly store: VerifierStore
  readonly identity: VerifierIdentity
  readonly apiKeys: readonly ApiKey[]
  /** The policies that a request may name, by id, and the one it is made under when it names none. */
  readonly policies: ReadonlyMap<string, Policy>
  readonly defaultPolicy: Policy
  readonly findPolicy: (sha256: string) => Promise<Policy>
  /** Origins that a same-device flow may send the user's browser back to. */
  readonly redirectOrigins: readonly string[]
  readonly lifetimeSeconds: number
  readonly clock: Clock
  readonly random: Random
}

const createBody = z.strictObject({
  policy: z.string().max(64).optional(),
  redirect_uri: z.url().max(2048).optional(),
})
// "The Verifier MUST ignore any unrecognized parameters", wallet_metadata among them: there is one way to ask.
const walletForm = z.object({ wallet_nonce: z.string().min(1).max(512).optional() })

/** Where a platform asks and a wallet reads what is asked. OpenID4VP 1.0 §5.10, HAIP 1.0 §5.1. */
export function requestRouter(context: RequestContext): Router {
  const { store, identity, clock } = context
  const router = Router()

  router.post('/requests', ...jsonBody(8192), async (request, response) => {
    const platform = platformOf(request.headers.authorization, context.apiKeys)
    const body = parseRequest(createBody, request.body)
    const policy = choosePolicy(body.policy, context)
    const made = createRequest(
      policy,
      {
        platform,
        redirectUri: checkRedirect(body.redirect_uri, context.redirectOrigins),
        lifetimeSeconds: context.lifetimeSeconds,
        clientId: identity.clientId,
      },
      { now: clock(), random: context.random },
    )
    await store.addRequest(made, { sha256: policy.sha256, text: JSON.stringify(policy.document) })
    const { requestUri, link } = requestReference(made, identity)
    response
      .status(201)
      .set('Cache-Control', 'no-store')
      .location(`/requests/${made.id}`)
      .json({
        request_id: made.id,
        policy: { id: policy.id, version: policy.version },
        client_id: made.clientId,
        request_uri: requestUri,
        authorization_request: link,
        expires_at: made.expiresAt,
      })
  })

  const serveObject = async (
    objectId: string,
    walletNonce: string | undefined,
  ): Promise<string> => {
    const retrieved = await store.retrieveObject(objectId, clock())
    checkIdentity(retrieved, identity)
    const policy = await context.findPolicy(retrieved.policySha256)
    return renderRequestObject(retrieved, policy, identity, walletNonce)
  }

  router.get('/requests/:objectId/object', async (request, response) => {
    const jwt = await serveObject(request.params.objectId, undefined)
    response.set('Cache-Control', 'no-store').type(REQUEST_OBJECT_MEDIA_TYPE).send(Buffer.from(jwt))
  })

  router.post('/requests/:objectId/object', ...formBody(16_384), async (request, response) => {
    const form = parseRequest(walletForm, request.body)
    const jwt = await serveObject(String(request.params.objectId), form.wallet_nonce)
    response.set('Cache-Control', 'no-store').type(REQUEST_OBJECT_MEDIA_TYPE).send(Buffer.from(jwt))
  })

  return router
}

/** The name of the key that a caller holds. Only digests are compared. @throws Problem `not_authenticated` */
export function platformOf(authorization: string | undefined, apiKeys: readonly ApiKey[]): string {
  const token = bearerToken(authorization)
  const digest = token === undefined ? undefined : sha256Hex(token)
  const key = apiKeys.find(({ sha256 }) => sha256 === digest)
  if (!key) throw new Problem('not_authenticated', 'send a platform key as bearer token')
  return key.name
}

function choosePolicy(id: string | undefined, { policies, defaultPolicy }: RequestContext): Policy {
  if (id === undefined) return defaultPolicy
  const policy = policies.get(id)
  if (!policy) throw new Problem('request_invalid', 'there is no policy of that name')
  return policy
}

/** An address that anyone could name would make this server an open redirector. RFC 9700 §4.11. */
function checkRedirect(uri: string | undefined, origins: readonly string[]): string | undefined {
  if (uri === undefined) return undefined
  if (!origins.includes(new URL(uri).origin)) {
    throw new Problem('request_invalid', 'redirect_uri is not at an origin of the configuration')
  }
  return uri
}
