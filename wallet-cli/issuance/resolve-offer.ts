import type { Fetch } from '../../shared/fetch.ts'
import { type Json, JsonError, parseJson } from '../../shared/json.ts'
import { type ServerMetadata, serverMetadataSchema } from '../../shared/oauth/server-metadata.ts'
import { wellKnownUrl } from '../../shared/oauth/well-known.ts'
import {
  type CredentialConfiguration,
  type IssuerMetadata,
  issuerMetadataSchema,
} from '../../shared/oid4vci/issuer-metadata.ts'
import {
  type CredentialOffer,
  credentialOfferSchema,
  type OfferReference,
  PRE_AUTHORIZED_CODE_GRANT,
  parseOfferLink,
} from '../../shared/oid4vci/offer.ts'
import { explain } from '../../shared/schema.ts'
import { WalletError } from '../error.ts'
import { exchange, isMediaType, jsonOf } from '../http.ts'
import type { AcceptedOffer } from '../vault/vault.ts'

/** The servers of an issuer as their metadata describes them. */
export interface Issuer {
  readonly metadata: IssuerMetadata
  readonly server: ServerMetadata
}

/** An offer that this wallet can redeem. Who the issuer is, is known only when its credential was verified. */
export interface ResolvedOffer extends Issuer {
  readonly offer: AcceptedOffer
  /** Copies that one request may ask for. */
  readonly batchSize: number
  /** Configurations of the offer that this wallet cannot take. */
  readonly left: readonly string[]
}

/**
 * Reads an offer by value, by reference, or as bare JSON, and then the issuer's metadata exactly as without an offer:
 * nothing in the offer is believed. Unknown members are ignored. OpenID4VCI 1.0 §4.1, §12.2.
 * @throws WalletError `offer_invalid`, `not_reachable`
 */
export async function resolveOffer(fetch: Fetch, text: string): Promise<ResolvedOffer> {
  const reference = referenceOf(text.trim())
  const offer = parseOffer(
    reference.by === 'value' ? reference.offer : await fetchOffer(fetch, reference.uri),
  )
  const grant = offer.grants?.[PRE_AUTHORIZED_CODE_GRANT]
  if (!grant) {
    throw new WalletError('offer_invalid', 'the offer has no pre-authorized code', {
      hint: 'this wallet cannot sign in at an issuer; ask for an offer with a code',
    })
  }
  const issuer = await discoverIssuer(fetch, offer.credential_issuer, grant.authorization_server)
  const ids = offer.credential_configuration_ids
  const configurationId = ids.find((id) => isUsable(configurationOf(issuer, id)))
  const configuration = configurationId && configurationOf(issuer, configurationId)
  if (!configuration || configuration.vct === undefined) {
    throw new WalletError(
      'offer_invalid',
      'the offer has no credential that this wallet can hold',
      {
        hint: 'it holds SD-JWT VC (dc+sd-jwt) bound to an ES256 key',
      },
    )
  }
  return {
    ...issuer,
    offer: {
      issuer: offer.credential_issuer,
      issuerName: nameOf(issuer.metadata),
      configurationId: configurationId as string,
      vct: configuration.vct,
      preAuthorizedCode: grant['pre-authorized_code'],
      ...(grant.tx_code === undefined
        ? {}
        : {
            txCode: {
              inputMode: grant.tx_code.input_mode ?? 'numeric',
              ...(grant.tx_code.length === undefined ? {} : { length: grant.tx_code.length }),
              ...(grant.tx_code.description === undefined
                ? {}
                : { description: grant.tx_code.description }),
            },
          }),
    },
    batchSize: issuer.metadata.batch_credential_issuance?.batch_size ?? 1,
    left: ids.filter((id) => id !== configurationId),
  }
}

/**
 * Fetches the metadata of an issuer and of its authorization server. "If the two values are not identical, the data
 * contained in the response MUST NOT be used." OpenID4VCI 1.0 §12.2.3, RFC 8414 §3.3. Signed metadata is not read.
 * @throws WalletError `offer_invalid`, `not_reachable`
 */
export async function discoverIssuer(
  fetch: Fetch,
  identifier: string,
  authorizationServer?: string,
): Promise<Issuer> {
  const metadata = await fetchDocument(
    fetch,
    wellKnownUrl(identifier, 'openid-credential-issuer'),
    issuerMetadataSchema,
  )
  if (metadata.credential_issuer !== identifier) {
    throw new WalletError('offer_invalid', 'the metadata names another credential_issuer')
  }
  const servers = metadata.authorization_servers ?? [identifier]
  if (authorizationServer !== undefined && !servers.includes(authorizationServer)) {
    throw new WalletError(
      'offer_invalid',
      'the offer names an authorization_server of someone else',
    )
  }
  const serverIdentifier = authorizationServer ?? (servers[0] as string)
  const server = await fetchDocument(
    fetch,
    wellKnownUrl(serverIdentifier, 'oauth-authorization-server'),
    serverMetadataSchema,
  )
  if (server.issuer !== serverIdentifier) {
    throw new WalletError(
      'offer_invalid',
      'the metadata of the authorization server names another issuer',
    )
  }
  const { credential_request_encryption: request, credential_response_encryption: response } =
    metadata
  if (request?.encryption_required || response?.encryption_required) {
    throw new WalletError('offer_invalid', 'the issuer demands encrypted credential messages', {
      hint: 'this wallet sends them over TLS alone',
    })
  }
  if (!(server.dpop_signing_alg_values_supported ?? []).includes('ES256')) {
    throw new WalletError(
      'offer_invalid',
      'the issuer does not bind access tokens to their holder (DPoP)',
    )
  }
  return { metadata, server }
}

function referenceOf(text: string): OfferReference {
  const reference = text.startsWith('{') ? bareOffer(text) : parseOfferLink(text)
  if (reference) return reference
  throw new WalletError('offer_invalid', 'that is not a credential offer', {
    hint: 'paste the whole link, in quotes: openid-credential-offer://?credential_offer...',
  })
}

function bareOffer(text: string): OfferReference | undefined {
  try {
    return { by: 'value', offer: parseJson(text) }
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

async function fetchOffer(fetch: Fetch, uri: string): Promise<Json | undefined> {
  const answer = await exchange(fetch, uri, { headers: { accept: 'application/json' } })
  if (answer.status !== 200) {
    throw new WalletError('offer_invalid', `the offer cannot be had (HTTP ${answer.status})`, {
      hint: 'it may have expired; ask the issuer for a new one',
    })
  }
  // "The response … MUST be of the media type application/json … the Wallet MUST NOT accept … a JWT". OpenID4VCI 1.0 §4.1.3.
  if (!isMediaType(answer, 'application/json')) {
    throw new WalletError('offer_invalid', 'the offer is not served as application/json')
  }
  return jsonOf(answer)
}

function parseOffer(value: unknown): CredentialOffer {
  const parsed = credentialOfferSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new WalletError('offer_invalid', `the offer is not valid: ${explain(parsed.error)}`)
}

async function fetchDocument<T>(
  fetch: Fetch,
  url: string,
  schema: { safeParse(value: unknown): SafeParsed<T> },
): Promise<T> {
  const answer = await exchange(fetch, url, { headers: { accept: 'application/json' } })
  const parsed = schema.safeParse(answer.status === 200 ? jsonOf(answer) : undefined)
  if (parsed.success) return parsed.data
  throw new WalletError('offer_invalid', `no valid metadata at ${new URL(url).host}`, {
    cause: parsed.error,
  })
}

type SafeParsed<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: unknown }

function configurationOf(issuer: Issuer, id: string): CredentialConfiguration | undefined {
  const { credential_configurations_supported: known } = issuer.metadata
  return Object.hasOwn(known, id) ? known[id] : undefined
}

/** An SD-JWT VC with a type, bound to a key that a `jwt` proof with ES256 shows. OpenID4VCI 1.0 §12.2.4, HAIP 1.0 §6.1. */
function isUsable(configuration: CredentialConfiguration | undefined): boolean {
  return (
    configuration?.format === 'dc+sd-jwt' &&
    configuration.vct !== undefined &&
    (configuration.cryptographic_binding_methods_supported ?? []).includes('jwk') &&
    (configuration.proof_types_supported?.jwt?.proof_signing_alg_values_supported ?? []).includes(
      'ES256',
    )
  )
}

/** What the issuer calls itself, or its host; not verified. */
function nameOf({ display, credential_issuer }: IssuerMetadata): string {
  return display?.find(({ name }) => name !== undefined)?.name ?? new URL(credential_issuer).host
}
