import { exportJWK, generateKeyPair } from 'jose'
import Provider, {
  type Adapter,
  type AdapterPayload,
  type Configuration,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import type { Clock } from '../../shared/clock.ts'
import { constantTimeEqual, hmacSha256, sha256Base64url } from '../../shared/hash.ts'
import { JoseError } from '../../shared/jose/error.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import type { Log } from '../../shared/log.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import type { Random } from '../../shared/random.ts'
import type { ArtefactStore } from './artefact-store.ts'
import { ANONYMOUS_CLIENT, type AuthorizationServer } from './authorization-server.ts'
import { transactionCodeDigest } from './transaction-code.ts'

const ACCESS_TOKEN_SECONDS = 300
/** Outlives every offer and the token that it gives: each offer that is asked for leaves one until then. */
const GRANT_SECONDS = 3600
/** For this long a code that was just redeemed is refused without revoking what the first redemption got. */
const DOUBLE_CLICK_SECONDS = 10
/** FAPI 2.0 §5.3.2.1: up to 10 seconds ahead must be taken, more than 60 refused. */
const MAX_AHEAD_SECONDS = 30

/** Models whose identifier is itself a secret. */
const BEARER_MODELS = new Set(['AccessToken', 'PreAuthorizedCode'])

/**
 * Runs oidc-provider as the token endpoint for pre-authorized codes with DPoP. Its metadata, nonce and credential
 * endpoints are ours and are not mounted; docs/adr/0002-authorization-server.md says what it does and what not.
 */
export async function openAuthorizationServer(options: {
  readonly issuer: string
  readonly scope: string
  readonly store: ArtefactStore
  readonly clock: Clock
  readonly random: Random
  /** From which the secrets of nonces follow, the same in every server of this issuer. */
  readonly nonceSecret: Uint8Array
  readonly log: Log
}): Promise<AuthorizationServer> {
  const { issuer, scope, clock, log } = options
  const provider = new Provider(issuer, await configurationOf(options))
  // Behind TLS the provider would make `htu` of what it sees; the host was checked before, the rest is the issuer's.
  provider.proxy = true
  provider.on('grant.error', (_context: KoaContextWithOIDC, error) => {
    log.info({ code: error.message, detail: error.error_detail }, 'token refused')
  })
  provider.on('server_error', (_context: KoaContextWithOIDC, error) => {
    log.error({ err: error }, 'defect')
  })
  const handle = provider.callback()
  const { host, protocol } = new URL(issuer)

  return {
    answerTokenRequest: (request, response) => {
      request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
      request.headers['x-forwarded-host'] = host
      return handle(request, response)
    },
    authorize: async ({ sessionId, code, expiresAt }) => {
      const grant = new provider.Grant({ accountId: sessionId, clientId: ANONYMOUS_CLIENT })
      grant.addResourceScope(issuer, scope)
      const expiresIn = expiresAt - clock()
      const grantId = await grant.save()
      const artefact = new provider.PreAuthorizedCode({
        accountId: sessionId,
        clientId: ANONYMOUS_CLIENT,
        grantId,
        resource: issuer,
        scope,
        expiresIn,
        jti: code,
      } as ConstructorParameters<typeof provider.PreAuthorizedCode>[0])
      await artefact.save()
    },
    accessToken: async (value) => {
      const token = await provider.AccessToken.find(value)
      const { accountId, clientId, jkt, scope: granted } = token ?? {}
      if (token === undefined || token.isExpired || token.aud !== issuer) return undefined
      if (accountId === undefined || clientId === undefined || jkt === undefined) return undefined
      return { sessionId: accountId, clientId, jkt, scope: granted ?? '' }
    },
  }
}

async function configurationOf(
  options: Parameters<typeof openAuthorizationServer>[0],
): Promise<Configuration> {
  const { issuer, scope, store, clock, random, nonceSecret } = options
  return {
    adapter: adapterOver(store, clock),
    // The provider does not start without a key. Tokens are opaque and there is no ID token: nothing is signed with it.
    jwks: { keys: [{ ...(await unusedKey()), use: 'sig' }] },
    cookies: { keys: [Buffer.from(random(32)).toString('base64url')] },
    clientAuthMethods: ['none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256'],
      idTokenSigningAlgValues: ['ES256'],
      dPoPSigningAlgValues: ['ES256'],
    },
    responseTypes: ['code'],
    scopes: [],
    clockTolerance: MAX_AHEAD_SECONDS,
    issueRefreshToken: () => false,
    expiresWithSession: () => false,
    ttl: { AccessToken: ACCESS_TOKEN_SECONDS, Grant: GRANT_SECONDS },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      dPoP: {
        enabled: true,
        nonceSecret: hmacSha256(nonceSecret, Buffer.from('provider dpop')),
        requireNonce: (context) => {
          refuseFuture(context.get('DPoP'), clock)
          return true
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => issuer,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, resource) => {
          if (resource !== issuer) throw new errors.InvalidTarget()
          return {
            scope,
            audience: issuer,
            accessTokenFormat: 'opaque',
            accessTokenTTL: ACCESS_TOKEN_SECONDS,
          }
        },
      },
      richAuthorizationRequests: {
        enabled: true,
        authorizationDetailsForGrantSource: () => undefined,
        authorizationDetailsForAccessToken: () => undefined,
      },
      openid4vci: {
        enabled: true,
        ack: 'experimental-01',
        preAuthorizedCodeGrant: true,
        nonceSecret: hmacSha256(nonceSecret, Buffer.from('provider c_nonce')),
        credentialEndpointExpectedAudience: () => issuer,
        credentialConfigurationsSupported: {
          unused: { format: 'dc+sd-jwt', scope },
        },
        issueCredential: notMounted,
        getKeyAttestationSignaturePublicKey: notMounted,
      },
    },
  } as Configuration
}

/** For what the provider demands and no route of ours reaches. */
function notMounted(): never {
  throw new errors.InvalidRequest('not an endpoint of this issuer')
}

async function unusedKey(): Promise<object> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return exportJWK(privateKey)
}

/** The provider looks at `iat` only where there is no nonce; this runs first in every validation of a DPoP proof. */
function refuseFuture(proof: string, clock: Clock): void {
  try {
    const { iat, nbf } = parseJwt(proof).payload
    for (const time of [iat, nbf]) {
      if (
        time !== undefined &&
        !(typeof time === 'number' && time <= clock() + MAX_AHEAD_SECONDS)
      ) {
        throw new errors.InvalidDpopProof('iat or nbf is in the future')
      }
    }
  } catch (error) {
    if (!(error instanceof JoseError)) throw error
    throw new errors.InvalidDpopProof('malformed')
  }
}

/** Translates the provider's storage calls to our port; what may happen once is decided by the port's one statement. */
function adapterOver(store: ArtefactStore, clock: Clock): (model: string) => Adapter {
  return (model) => {
    const keyOf = (id: string): string => (BEARER_MODELS.has(model) ? sha256Base64url(id) : id)
    const artefactOf = (id: string, payload: AdapterPayload, ttl: number | undefined) => ({
      model,
      key: keyOf(id),
      payload: BEARER_MODELS.has(model) ? { ...payload, jti: undefined } : { ...payload },
      grantId: payload.grantId,
      expiresAt: ttl === undefined ? undefined : clock() + ttl,
    })
    return {
      upsert: async (id, payload, ttl) => {
        const artefact = artefactOf(id, payload, ttl)
        const { grantId } = artefact
        if (model === 'ReplayDetection') {
          if (await store.putOnce(artefact, clock())) return
          throw new errors.InvalidDpopProof('jti was used before')
        }
        if (model === 'AccessToken' && grantId !== undefined) {
          if (await store.putIfGranted({ ...artefact, grantId })) return
          throw new errors.InvalidGrant('the grant was revoked meanwhile')
        }
        await store.put(artefact)
      },
      find: async (id) => {
        if (model === 'Client') return id === ANONYMOUS_CLIENT ? anonymousClient() : undefined
        const found = await store.find(model, keyOf(id), clock())
        if (found === undefined) return undefined
        const { payload, consumedAt } = found
        // A double click must not revoke what the first click got; a later replay does. RFC 6749 §4.1.2.
        if (consumedAt !== undefined && consumedAt > clock() - DOUBLE_CLICK_SECONDS) {
          throw new errors.InvalidGrant('the code was redeemed just now')
        }
        // For a spent code too: whoever found a code, but not its transaction code, takes nobody's token back.
        if (model === 'PreAuthorizedCode') await checkTransactionCode(store, id, clock)
        return {
          ...payload,
          jti: payload.jti ?? id,
          ...(consumedAt === undefined ? {} : { consumed: consumedAt }),
        } as AdapterPayload
      },
      consume: async (id) => {
        if (await store.consume(model, keyOf(id), clock())) return
        throw new errors.InvalidGrant('the code was redeemed by another request')
      },
      destroy: (id) => store.destroy(model, keyOf(id)),
      revokeByGrantId: (grantId) => store.revokeGrant(model, grantId),
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    }
  }
}

/**
 * Runs when the token endpoint looks the code up, after the DPoP proof was validated and before the code is consumed,
 * so that a mistyped transaction code costs an attempt and not the offer. OpenID4VCI 1.0 §6.3, §13.6.
 */
async function checkTransactionCode(
  store: ArtefactStore,
  code: string,
  clock: Clock,
): Promise<void> {
  const context = Provider.ctx
  const params = context?.oidc.params
  if (context?.oidc.route !== 'token' || params === undefined) return
  const given = params.tx_code
  if (typeof given !== 'string') throw new errors.InvalidRequest('tx_code is required')
  const expected = await store.countAttempt(sha256Base64url(code), clock())
  if (expected === undefined) throw new errors.InvalidGrant('no attempt is left')
  if (!constantTimeEqual(transactionCodeDigest(code, given), expected)) {
    throw new errors.InvalidGrant('wrong tx_code')
  }
  params.tx_code = undefined
}

function anonymousClient(): AdapterPayload {
  return {
    client_id: ANONYMOUS_CLIENT,
    token_endpoint_auth_method: 'none',
    grant_types: [PRE_AUTHORIZED_CODE_GRANT],
    response_types: [],
    redirect_uris: [],
    dpop_bound_access_tokens: true,
  }
}
