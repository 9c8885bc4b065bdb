import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import type { Fetch } from '../fetch.ts'
import { JoseError } from '../jose/error.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { isJsonObject, JsonError, type JsonObject, parseJsonBytes } from '../json.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { isDid } from './did.ts'
import { DidError } from './error.ts'

const MAX_DOCUMENT_BYTES = 1 << 16

/** The `did:jwk` of a key. did:jwk method specification. */
export function didJwk({ kty, crv, x, y }: EcPublicJwk): string {
  return `did:jwk:${encodeBase64url(JSON.stringify({ kty, crv, x, y }))}`
}

/** The document that a `did:jwk` stands for: one key, `#0`, unless it is for encryption. @throws DidError */
export function resolveDidJwk(did: string): JsonObject {
  if (!did.startsWith('did:jwk:') || !isDid(did))
    throw new DidError('malformed', 'did:jwk is malformed')
  const bytes = decodeBase64url(did.slice('did:jwk:'.length))
  if (!bytes) throw new DidError('malformed', 'did:jwk is not base64url')
  const jwk = parseObject(bytes, 'did:jwk')
  let publicKeyJwk: EcPublicJwk
  try {
    publicKeyJwk = parsePublicJwk(jwk)
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new DidError('malformed', 'did:jwk is not a P-256 public key', { cause })
  }
  const keyId = `${did}#0`
  // "If the JWK contains a use property with the value enc" it is for key agreement only
  const relations = jwk.use === 'enc' ? {} : { assertionMethod: [keyId], authentication: [keyId] }
  return {
    id: did,
    verificationMethod: [
      { id: keyId, type: 'JsonWebKey2020', controller: did, publicKeyJwk: { ...publicKeyJwk } },
    ],
    ...relations,
  }
}

/**
 * Fetches the document of a `did:web` over HTTPS from its well-known or its own path. The caller's fetch guards the
 * address. did:web method specification §2.5.2.
 * @throws DidError
 */
export async function resolveDidWeb(did: string, fetch: Fetch): Promise<JsonObject> {
  const url = didWebUrl(did)
  let bytes: Uint8Array
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/did+json, application/json' },
    })
    if (response.status !== 200)
      throw new DidError('not_resolved', 'did:web answers another status than 200')
    bytes = new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    if (cause instanceof DidError) throw cause
    throw new DidError('not_resolved', 'did:web cannot be fetched', { cause })
  }
  if (bytes.length > MAX_DOCUMENT_BYTES)
    throw new DidError('document_invalid', 'document is too long')
  const document = parseObject(bytes, 'document')
  if (document.id !== did)
    throw new DidError('document_invalid', 'id is not the DID that was resolved')
  return document
}

/** Where the document of a `did:web` is. @throws DidError */
export function didWebUrl(did: string): string {
  const parts = did.split(':').slice(2)
  const [host = '', ...path] = parts.map((part) => {
    try {
      return decodeURIComponent(part)
    } catch {
      return ''
    }
  })
  const sound = path.every(
    (segment) => /^[A-Za-z0-9._~-]+$/.test(segment) && !/^\.+$/.test(segment),
  )
  if (
    !did.startsWith('did:web:') ||
    !isDid(did) ||
    !/^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(host) ||
    !sound
  ) {
    throw new DidError('malformed', 'did:web is malformed')
  }
  return `https://${host}/${path.length === 0 ? '.well-known' : path.join('/')}/did.json`
}

function parseObject(bytes: Uint8Array, name: string): JsonObject {
  try {
    const value = parseJsonBytes(bytes, { maxDepth: 16, maxLength: MAX_DOCUMENT_BYTES })
    if (isJsonObject(value)) return value
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new DidError('document_invalid', `${name}: ${cause.message}`, { cause })
  }
  throw new DidError('document_invalid', `${name} is not an object`)
}
