import type { Request } from 'express'
import { z } from 'zod'
import type { Scope } from '../../shared/api-key/api-key.ts'
import { type KeyRing, type KeySecurity, keySecurity } from '../../shared/api-key/security.http.ts'
import type { Clock } from '../../shared/clock.ts'
import { type Endpoint, endpoint } from '../../shared/http/endpoint.http.ts'
import { IDEMPOTENCY_SECONDS } from '../../shared/idempotency/once.ts'
import { REQUEST_OBJECT_MEDIA_TYPE } from '../../shared/oid4vp/request.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { Policy } from '../policy/policy.ts'
import type { VerifierStore } from '../store.ts'
import {
  checkIdentity,
  createRequest,
  renderRequestObject,
  requestReference,
  type VerifierIdentity,
} from './create.ts'

/** What the request endpoints need. */
export interface RequestContext {
  readonly store: VerifierStore
  readonly identity: VerifierIdentity
  readonly keys: KeyRing
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

const createBody = z
  .strictObject({
    policy: z.string().max(64).optional().meta({ description: 'The default one without it.' }),
    redirect_uri: z.url().max(2048).optional().meta({
      description: 'Where the browser goes back to in a same-device flow, at a configured origin.',
    }),
  })
  .meta({ id: 'PresentationRequestOrder' })
const createdRequest = z
  .strictObject({
    request_id: z.string(),
    policy: z.strictObject({ id: z.string(), version: z.int() }),
    client_id: z.string(),
    request_uri: z.string().meta({ description: 'Where a wallet fetches the request object.' }),
    authorization_request: z.string().meta({ description: 'The link that calls a wallet.' }),
    expires_at: z.int(),
  })
  .meta({ id: 'CreatedPresentationRequest' })
/** Codes of a request that was ended. */
const ENDED = ['request_answered', 'request_refused', 'request_state'] as const

// "The Verifier MUST ignore any unrecognized parameters", wallet_metadata among them: there is one way to ask.
const walletForm = z.object({ wallet_nonce: z.string().min(1).max(512).optional() })

/** Where a platform asks and a wallet reads what is asked. OpenID4VP 1.0 §5.10, HAIP 1.0 §5.1. */
export function requestEndpoints(context: RequestContext): readonly Endpoint[] {
  const { store, identity, clock } = context
  const serveObject = async (objectId: string, walletNonce: string | undefined) => {
    const retrieved = await store.retrieveObject(objectId, clock())
    checkIdentity(retrieved, identity)
    const policy = await context.findPolicy(retrieved.policySha256)
    const jwt = await renderRequestObject(retrieved, policy, identity, walletNonce)
    return {
      status: 200,
      bytes: Buffer.from(jwt),
      headers: { 'Content-Type': REQUEST_OBJECT_MEDIA_TYPE },
    } as const
  }
  const object = {
    path: '/requests/{object_id}/object',
    tag: 'wallet',
    specification: 'OpenID4VP 1.0 §5.10',
    params: z.object({ object_id: z.string().max(128) }),
    responses: {
      200: { description: 'A signed request object', mediaType: REQUEST_OBJECT_MEDIA_TYPE },
    },
    problems: ['request_not_found', 'request_expired', ...ENDED],
  } as const

  return [
    endpoint({
      method: 'post',
      path: '/requests',
      operationId: 'createPresentationRequest',
      tag: 'requests',
      summary: 'Ask a worker for what a policy needs',
      security: platformSecurity('requests:write', context.keys),
      body: { schema: createBody, maxBytes: 8192 },
      idempotentFor: (platform) => platform,
      responses: {
        201: {
          description: 'The request and the link that calls a wallet',
          schema: createdRequest,
          headers: { Location: 'Where its result is read.' },
        },
      },
      handle: async ({ body, caller: platform, idempotency }) => {
        const now = clock()
        const policy = choosePolicy(body.policy, context)
        const made = createRequest(
          policy,
          {
            platform,
            redirectUri: checkRedirect(body.redirect_uri, context.redirectOrigins),
            lifetimeSeconds: context.lifetimeSeconds,
            clientId: identity.clientId,
          },
          { now, random: context.random },
        )
        const { requestUri, link } = requestReference(made, identity)
        const answer = {
          request_id: made.id,
          policy: { id: policy.id, version: policy.version },
          client_id: made.clientId,
          request_uri: requestUri,
          authorization_request: link,
          expires_at: made.expiresAt,
        }
        const kept = await store.addRequest(
          made,
          { sha256: policy.sha256, text: JSON.stringify(policy.document) },
          idempotency && {
            ...idempotency,
            answer: { status: 201, body: JSON.stringify(answer) },
            expiresAt: now + IDEMPOTENCY_SECONDS,
          },
        )
        const told = kept === undefined ? answer : createdRequest.parse(JSON.parse(kept.body))
        return {
          status: 201,
          headers: { Location: `/requests/${told.request_id}` },
          body: told,
        }
      },
    }),
    endpoint({
      ...object,
      method: 'get',
      operationId: 'getRequestObject',
      summary: 'Read what is asked',
      handle: ({ params }) => serveObject(params.object_id, undefined),
    }),
    endpoint({
      ...object,
      method: 'post',
      operationId: 'postRequestObject',
      summary: 'Read what is asked, bound to a nonce of the wallet',
      body: {
        mediaType: 'application/x-www-form-urlencoded',
        schema: walletForm,
        maxBytes: 16_384,
      },
      handle: ({ params, body }) => serveObject(params.object_id, body.wallet_nonce),
    }),
  ]
}

/** Calls as a system of a platform, by a key; the caller is its name. */
export function platformSecurity(
  wanted: Scope,
  keys: KeyRing,
): Pick<KeySecurity, 'scheme' | 'scope'> & { authenticate(request: Request): Promise<string> } {
  const { scheme, scope, authenticate } = keySecurity(wanted, keys)
  return { scheme, scope, authenticate: async (request) => (await authenticate(request)).name }
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
