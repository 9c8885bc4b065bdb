import type { Express } from 'express'
import { rateLimit } from 'express-rate-limit'
import { logRouter } from '../shared/audit/log.http.ts'
import type { AuditLog } from '../shared/audit/log.ts'
import { bearerToken } from '../shared/http/body.http.ts'
import { renderErrors } from '../shared/http/errors.http.ts'
import { openApplication, refuseUnknownRoutes } from '../shared/http/server.http.ts'
import type { Log } from '../shared/log.ts'
import { Problem } from '../shared/problem.ts'
import { requireKey } from './api-key.ts'
import { IDENTITY_VCT } from './credential/identity.ts'
import type { CredentialSigner } from './credential/issue.ts'
import { identityType } from './credential/type-metadata.ts'
import { reviewEndpoints } from './decision/review.http.ts'
import { credentialEndpoints } from './oid4vci/credential.http.ts'
import { metadataEndpoints } from './oid4vci/metadata.http.ts'
import { issuerMetadata, serverMetadata } from './oid4vci/metadata.ts'
import { nonceEndpoint } from './oid4vci/nonce.http.ts'
import { openNonces } from './oid4vci/nonce.ts'
import { offerEndpoint } from './oid4vci/offer.http.ts'
import { tokenEndpoint } from './oid4vci/token.http.ts'
import { revocationEndpoint } from './session/revocation.http.ts'
import { type SessionEndpointDeps, sessionEndpoints } from './session/session.http.ts'
import { statusOperationEndpoints } from './status/operations.http.ts'
import type { StatusOperations } from './status/operations.ts'
import type { StatusStore } from './status/status.ts'
import { statusRouter } from './status/status-list.http.ts'
import { trustListEndpoints } from './trust-list.http.ts'

/** Everything that the issuer's endpoints work with. */
export interface IssuerDeps extends SessionEndpointDeps {
  readonly statusStore: StatusStore
  readonly operations: StatusOperations
  /** Publishes the status lists out of turn. */
  publishNow(): Promise<void>
  /** Whether `?time=` is answered to the public. */
  readonly history: boolean
  readonly auditLog: AuditLog
  readonly credentialSigner: CredentialSigner
  /** The signed trust list, as it was recorded. */
  readonly trustList: string
  readonly sessionsPerMinute: number
  /** Throws when the issuer cannot do its work: the store, and whether lists are published in their rhythm. */
  readonly checkHealth: () => void
  readonly log: Log
}

/** Puts the endpoints together: public artefacts, the protocol of wallets, and our own interface. */
export function issuerApplication(deps: IssuerDeps): Express {
  const { issuer, store, clock, random, log, credentialSigner } = deps
  const nonceSecret = random(32)
  const nonces = {
    credentialNonces: openNonces(nonceSecret, 'c_nonce', random),
    dpopNonces: openNonces(nonceSecret, 'dpop', random),
  }
  const app = openApplication({
    log,
    random,
    origins: [issuer],
    checkHealth: deps.checkHealth,
  })
  app.use(
    metadataEndpoints({
      issuer: issuerMetadata(issuer, credentialSigner.authority.name),
      server: serverMetadata(issuer),
      types: { [IDENTITY_VCT]: identityType },
    }),
    statusRouter(deps.statusStore, clock, {
      history: deps.history,
      requireRegulator: (request) =>
        requireKey(bearerToken(request.headers.authorization), 'regulator', store),
    }),
    logRouter(deps.auditLog),
    trustListEndpoints(deps.trustList, store),
  )
  app.use(tokenEndpoint(deps.authorizationServer))
  app.use(nonceEndpoint({ ...nonces, clock }))
  app.use(credentialEndpoints({ ...deps, ...nonces }))
  app.post('/sessions', limitByAddress(deps.sessionsPerMinute))
  app.use(offerEndpoint(deps), sessionEndpoints(deps), reviewEndpoints(deps))
  app.use(
    revocationEndpoint(deps),
    statusOperationEndpoints({
      operations: deps.operations,
      clock,
      publishNow: deps.publishNow,
      requireOperator: async (request) =>
        (await requireKey(bearerToken(request.headers.authorization), 'operator', store)).name,
    }),
  )
  refuseUnknownRoutes(app)
  app.use(renderErrors('problem'))
  return app
}

function limitByAddress(perMinute: number) {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Addresses are those of the connection; what a client says of its own is not looked at.
    validate: { xForwardedForHeader: false },
    handler: () => {
      throw new Problem('too_many_requests', 'try again in a minute')
    },
  })
}
