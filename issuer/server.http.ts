import type { Express, RequestHandler, Response } from 'express'
import { type Options, rateLimit } from 'express-rate-limit'
import { keySecurity } from '../shared/api-key/security.http.ts'
import { logEndpoints } from '../shared/audit/log.http.ts'
import type { AuditLog } from '../shared/audit/log.ts'
import { renderErrors } from '../shared/http/errors.http.ts'
import { serveEndpoints } from '../shared/http/openapi.http.ts'
import {
  type Observation,
  openApplication,
  refuseUnknownRoutes,
} from '../shared/http/server.http.ts'
import type { OkpPublicJwk } from '../shared/key/signer.ts'
import type { Log } from '../shared/log.ts'
import { Problem } from '../shared/problem.ts'
import { deliveryEndpoints } from '../shared/webhook/deliveries.http.ts'
import { webhookKeyEndpoint } from '../shared/webhook/keys.http.ts'
import type { WebhookStore } from '../shared/webhook/store.ts'
import { identityTypeOf } from './credential/identity.ts'
import type { CredentialSigner } from './credential/issue.ts'
import { identityType, sandboxIdentityType } from './credential/type-metadata.ts'
import { reviewEndpoints } from './decision/review.http.ts'
import { credentialEndpoints } from './oid4vci/credential.http.ts'
import { metadataEndpoints } from './oid4vci/metadata.http.ts'
import { issuerMetadata, serverMetadata } from './oid4vci/metadata.ts'
import { nonceEndpoint } from './oid4vci/nonce.http.ts'
import { openNonces } from './oid4vci/nonce.ts'
import { offerEndpoint } from './oid4vci/offer.http.ts'
import { tokenEndpoint } from './oid4vci/token.http.ts'
import { callerOf } from './session/caller.http.ts'
import { erasureEndpoint } from './session/erasure.http.ts'
import { revocationEndpoint } from './session/revocation.http.ts'
import { type SessionEndpointDeps, sessionEndpoints } from './session/session.http.ts'
import type { Session } from './session/session.ts'
import { statusOperationEndpoints } from './status/operations.http.ts'
import type { StatusOperations } from './status/operations.ts'
import type { StatusStore } from './status/status.ts'
import { statusEndpoints } from './status/status-list.http.ts'
import { trustListEndpoints } from './trust-list.http.ts'

/** Everything that the issuer's endpoints work with. */
export interface IssuerDeps extends Omit<SessionEndpointDeps, 'limitSessions' | 'limitOffers'> {
  readonly statusStore: StatusStore
  readonly operations: StatusOperations
  /** Publishes the status lists out of turn. */
  publishNow(): Promise<void>
  /** Whether `?time=` is answered to the public. */
  readonly history: boolean
  readonly auditLog: AuditLog
  readonly credentialSigner: CredentialSigner
  /** Under which nonces are made and recognised, the same in every server of this issuer. */
  readonly nonceSecret: Uint8Array
  readonly webhooks: WebhookStore
  /** The public keys of webhook deliveries, the one that signs first. */
  readonly webhookKeys: readonly OkpPublicJwk[]
  /** The signed trust list, as it was recorded. */
  readonly trustList: string
  /** New sessions that one address may begin in a minute, and one platform with its key. */
  readonly sessionsPerMinute: number
  readonly platformSessionsPerMinute: number
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** Whether the networks are still being opened. */
  readonly isStarting: () => boolean
  /** Throws when the issuer cannot do its work: the store, and whether lists are published in their rhythm. */
  readonly checkHealth: () => void | Promise<void>
  readonly observation?: Observation
  readonly log: Log
}

/** Far more than a person's wallet needs. */
const OFFERS_PER_MINUTE = 60

const INFO = {
  title: 'Carnet issuer',
  version: '0.1.0',
  description: 'Verify a person once, and issue credentials that the person carries.',
  tags: {
    sessions: 'For a worker, or a platform on their behalf: be verified, and get an offer.',
    reviews: 'For reviewers: decide what was referred to a person.',
    status: 'Status lists, and what operators do to them.',
    webhooks: 'For operators: what was told to others, and what was not.',
    wallet: 'For wallets, as OpenID4VCI 1.0 defines it.',
    log: 'The transparency log, as C2SP tlog-tiles defines it.',
    trust: 'The signed trust list, now and earlier.',
    server: 'About the server itself.',
  },
}

/** Puts the endpoints together: public artefacts, the protocol of wallets, and our own interface. */
export function issuerApplication(deps: IssuerDeps): Express {
  const { issuer, store, keys, clock, random, log, credentialSigner } = deps
  const { nonceSecret } = deps
  const nonces = {
    credentialNonces: openNonces(nonceSecret, 'c_nonce', random),
    dpopNonces: openNonces(nonceSecret, 'dpop', random),
  }
  const app = openApplication({
    log,
    random,
    origins: [issuer],
    checkHealth: deps.checkHealth,
    isStarting: deps.isStarting,
    observation: deps.observation,
  })
  app.set('trust proxy', [...deps.trustedProxies])
  serveEndpoints(app, INFO, [
    ...sessionEndpoints({
      ...deps,
      limitSessions: limitSessions(deps),
      limitOffers: limitOffers(),
    }),
    ...reviewEndpoints(deps),
    revocationEndpoint(deps),
    erasureEndpoint({ ...deps, memories: [deps.readings, deps.uploads, deps.progress] }),
    ...statusOperationEndpoints({
      operations: deps.operations,
      clock,
      publishNow: deps.publishNow,
      keys,
    }),
    ...metadataEndpoints({
      issuer: issuerMetadata(credentialSigner.authority),
      server: serverMetadata(issuer),
      types: {
        [identityTypeOf(credentialSigner.authority)]: credentialSigner.authority.sandbox
          ? sandboxIdentityType
          : identityType,
      },
    }),
    offerEndpoint(deps),
    tokenEndpoint(deps.authorizationServer),
    nonceEndpoint({ ...nonces, clock }),
    ...credentialEndpoints({ ...deps, ...nonces }),
    ...statusEndpoints(deps.statusStore, clock, {
      history: deps.history,
      requireRegulator: keySecurity('history:read', keys).authenticate,
    }),
    ...logEndpoints(deps.auditLog),
    ...trustListEndpoints(deps.trustList, store),
    ...deliveryEndpoints({
      store: deps.webhooks,
      clock,
      read: keySecurity('webhooks:read', keys),
      write: keySecurity('webhooks:write', keys),
      platformOf: () => undefined,
    }),
    webhookKeyEndpoint(deps.webhookKeys),
  ])
  refuseUnknownRoutes(app)
  app.use(renderErrors('problem'))
  return app
}

/** Counts by platform, else by the address of the connection, or the one that a trusted proxy names. */
function limitSessions(
  deps: Pick<IssuerDeps, 'sessionsPerMinute' | 'platformSessionsPerMinute'>,
): RequestHandler {
  const platformOf = (response: Response): string | undefined => response.locals.caller
  return perMinute({
    limit: (_request, response) =>
      platformOf(response) === undefined ? deps.sessionsPerMinute : deps.platformSessionsPerMinute,
    keyGenerator: (request, response) => callerOf(request, { platform: platformOf(response) }),
  })
}

/** Each offer, also a refused one, leaves something with the authorization server for an hour. */
function limitOffers(): RequestHandler {
  return perMinute({
    limit: OFFERS_PER_MINUTE,
    keyGenerator: (_request, response) => (response.locals.caller as Session).id,
  })
}

function perMinute(who: Pick<Options, 'limit' | 'keyGenerator'>): RequestHandler {
  return rateLimit({
    ...who,
    windowMs: 60_000,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // What a client says of its own address is not looked at unless a proxy is trusted.
    validate: { xForwardedForHeader: false },
    handler: () => {
      throw new Problem('too_many_requests', 'wait for as many seconds as Retry-After says')
    },
  })
}
