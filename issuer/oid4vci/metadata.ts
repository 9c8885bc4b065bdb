import type { ServerMetadata } from '../../shared/oauth/server-metadata.ts'
import type { IssuerMetadata } from '../../shared/oid4vci/issuer-metadata.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import { type IssuingAuthority, identityTypeOf } from '../credential/identity.ts'
import { IDENTITY_CLAIMS } from '../credential/type-metadata.ts'

/** The one credential configuration. */
export const IDENTITY_CONFIGURATION_ID = 'carnet-identity'
/** The scope of the one credential type. HAIP 1.0 §4.1: a scope in every configuration. */
export const IDENTITY_SCOPE = 'identity'
/** Copies that one request may ask for, one holder key each. */
export const BATCH_SIZE = 10

/** Metadata of the Credential Issuer, which is its own authorization server. OpenID4VCI 1.0 §12.2.4. */
export function issuerMetadata(authority: IssuingAuthority): IssuerMetadata {
  const { issuer, name, sandbox = false } = authority
  return {
    credential_issuer: issuer,
    credential_endpoint: `${issuer}/credential`,
    nonce_endpoint: `${issuer}/nonce`,
    notification_endpoint: `${issuer}/notification`,
    batch_credential_issuance: { batch_size: BATCH_SIZE },
    display: [{ name: sandbox ? `${name} (sandbox)` : name, locale: 'en' }],
    credential_configurations_supported: {
      [IDENTITY_CONFIGURATION_ID]: {
        format: 'dc+sd-jwt',
        vct: identityTypeOf(authority),
        scope: IDENTITY_SCOPE,
        cryptographic_binding_methods_supported: ['jwk'],
        credential_signing_alg_values_supported: ['ES256'],
        proof_types_supported: { jwt: { proof_signing_alg_values_supported: ['ES256'] } },
        credential_metadata: {
          display: [{ name: sandbox ? 'Sandbox identity' : 'Verified identity', locale: 'en' }],
          claims: IDENTITY_CLAIMS.map(([path, label]) => ({
            path,
            mandatory: true,
            display: [{ name: label, locale: 'en' }],
          })),
        },
      },
    },
  }
}

/** Metadata of the authorization server. RFC 8414 §2, RFC 9449 §5.1, OpenID4VCI 1.0 §12.3, Token Status List §9.2. */
export function serverMetadata(issuer: string): ServerMetadata {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    // REQUIRED, and empty: there is no authorization endpoint yet.
    response_types_supported: [],
    grant_types_supported: [PRE_AUTHORIZED_CODE_GRANT],
    token_endpoint_auth_methods_supported: ['none'],
    dpop_signing_alg_values_supported: ['ES256'],
    'pre-authorized_grant_anonymous_access_supported': true,
    status_list_aggregation_endpoint: `${issuer}/status`,
  }
}
