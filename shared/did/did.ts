import { JoseError } from '../jose/error.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { DidError } from './error.ts'

/** What a key of a DID document may be used for. DID Core 1.0 §5.3. */
export type VerificationRelationship = 'assertionMethod' | 'authentication'

/** Answers the document of a DID. Implementations decide which methods they know and how they reach the network. */
export type ResolveDid = (did: string) => Promise<JsonObject>

const DID = /^did:[a-z0-9]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._%-]$/
const MAX_DID_LENGTH = 2048
const MAX_METHODS = 64

/** True for a DID without path, query or fragment. DID Core 1.0 §3.1. */
export function isDid(text: string): boolean {
  return text.length <= MAX_DID_LENGTH && DID.test(text)
}

/** Splits a DID URL that names a key into its DID and itself; `undefined` for anything else. DID Core 1.0 §3.2. */
export function parseKeyId(keyId: string): { did: string; keyId: string } | undefined {
  const [did = '', fragment, ...rest] = keyId.split('#')
  if (!fragment || rest.length > 0 || !isDid(did)) return undefined
  return { did, keyId }
}

/**
 * The P-256 key that a document gives for a purpose: the document is the DID's own, the key is controlled by it, stands
 * in the verification relationship, and is a public JWK. With `keyId` it is that key; without, the only one there is.
 * DID Core 1.0 §5.1.1, §5.2, §5.3.
 * @throws DidError
 */
export function keyOfDocument(
  document: JsonObject,
  {
    did,
    relationship,
    keyId,
  }: { did: string; relationship: VerificationRelationship; keyId?: string },
): EcPublicJwk {
  if (document.id !== did)
    throw new DidError('document_invalid', 'id is not the DID that was resolved')
  const methods = methodsOf(document, did)
  const allowed = relationsOf(document, { did, relationship })
  const candidates = methods.filter(
    ({ id }) => allowed.has(id) && (keyId === undefined || id === keyId),
  )
  const [method, ...rest] = candidates
  if (!method || rest.length > 0) {
    throw new DidError('key_not_found', `${relationship} does not name exactly that key`)
  }
  try {
    return parsePublicJwk(method.publicKeyJwk)
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new DidError('document_invalid', 'publicKeyJwk is not a P-256 public key', { cause })
  }
}

interface Method {
  readonly id: string
  readonly publicKeyJwk: Json | undefined
}

function methodsOf(document: JsonObject, did: string): Method[] {
  const embedded = (['assertionMethod', 'authentication'] as const).flatMap((relationship) =>
    entriesOf(document, relationship).filter(isJsonObject),
  )
  const methods = [...entriesOf(document, 'verificationMethod').filter(isJsonObject), ...embedded]
  return methods
    .filter(({ controller }) => controller === did)
    .flatMap(({ id, publicKeyJwk }) =>
      typeof id === 'string' ? [{ id: absolute(id, did), publicKeyJwk }] : [],
    )
}

function relationsOf(
  document: JsonObject,
  { did, relationship }: { did: string; relationship: VerificationRelationship },
): Set<string> {
  const ids = entriesOf(document, relationship).map((entry) =>
    isJsonObject(entry) ? entry.id : entry,
  )
  return new Set(ids.filter((id) => typeof id === 'string').map((id) => absolute(id, did)))
}

/** §3.2.2: a relative DID URL stands for the document's own DID. */
function absolute(id: string, did: string): string {
  return id.startsWith('#') ? `${did}${id}` : id
}

function entriesOf(document: JsonObject, member: string): readonly Json[] {
  const entries = document[member] ?? []
  if (!Array.isArray(entries) || entries.length > MAX_METHODS) {
    throw new DidError('document_invalid', `${member} is not an array of a few entries`)
  }
  return entries
}
