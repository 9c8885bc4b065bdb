import { isJsonObject, type JsonObject } from '../json.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import { SdJwtError } from '../sd-jwt/error.ts'
import {
  type JudgedSdJwtVc,
  judgeSdJwtVc,
  parseSdJwtVc,
  type SdJwtVcExpectation,
  type VerifiedSdJwtVc,
  verifySdJwtVc,
} from '../sd-jwt/vc.ts'
import type { DidsAt } from '../trust/role.ts'
import { keyOfDocument, parseKeyId, type ResolveDid, type VerificationRelationship } from './did.ts'
import { DidError } from './error.ts'

/** A credential whose issuer is a decentralized identifier that the trust list names. */
export interface VerifiedDidSdJwtVc extends JudgedSdJwtVc {
  readonly issuer: string
  readonly issuerKeyId: string
  readonly issuerKey: EcPublicJwk
}

/** Which decentralized identifiers count, and how they are resolved. */
export interface DidTrust {
  readonly trustedDids: DidsAt
  readonly resolveDid: ResolveDid
}

/** How a credential is judged where issuers and holders may be decentralized identifiers. */
export interface DidSdJwtVcExpectation extends SdJwtVcExpectation, DidTrust {}

/**
 * Verifies an SD-JWT VC as {@link verifySdJwtVc} does, and also one whose issuer is a DID: its header has a `kid` and no
 * `x5c`, `iss` is the DID of that `kid`, the trust list names it for the attestation role, and its document gives the key
 * for assertions. A holder may be a DID too (`cnf.kid`), whose document gives the key for authentication; it is resolved
 * only after the issuer was found trusted. Has no place in the HAIP profile, which asks for `x5c`.
 * @throws SdJwtError
 */
export async function verifyDidSdJwtVc(
  compact: string,
  { trustedDids, resolveDid, ...expectation }: DidSdJwtVcExpectation,
): Promise<VerifiedSdJwtVc | VerifiedDidSdJwtVc> {
  const parsed = parseSdJwtVc(compact)
  const { header, payload } = parsed.issuerJwt
  if (Object.hasOwn(header, 'x5c')) return verifySdJwtVc(compact, expectation)
  const { did, keyId } = readKeyId(header.kid)
  if (payload.iss !== did) throw new SdJwtError('issuer_invalid', 'iss is not the DID of kid')
  if (!trustedDids('attestation', expectation.now).includes(did)) {
    throw new SdJwtError('issuer_invalid', 'issuer is not on the trust list')
  }
  const issuerKey = await resolveKey(keyId, { did, relationship: 'assertionMethod', resolveDid })
  const resolvedHolderKey = await resolveHolder(payload, resolveDid)
  const judged = judgeSdJwtVc(parsed, expectation, { issuerKey, resolvedHolderKey })
  return { ...judged, issuer: did, issuerKeyId: keyId, issuerKey }
}

/** A `cnf` that names a key of a DID and has no key of its own. RFC 7800 §3.4. */
async function resolveHolder(
  { cnf }: JsonObject,
  resolveDid: ResolveDid,
): Promise<EcPublicJwk | undefined> {
  if (!isJsonObject(cnf) || Object.hasOwn(cnf, 'jwk') || !Object.hasOwn(cnf, 'kid'))
    return undefined
  const { did, keyId } = readKeyId(cnf.kid)
  return resolveKey(keyId, { did, relationship: 'authentication', resolveDid })
}

async function resolveKey(
  keyId: string,
  {
    did,
    relationship,
    resolveDid,
  }: { did: string; relationship: VerificationRelationship; resolveDid: ResolveDid },
): Promise<EcPublicJwk> {
  try {
    return keyOfDocument(await resolveDid(did), { did, relationship, keyId })
  } catch (cause) {
    if (!(cause instanceof DidError)) throw cause
    throw new SdJwtError('issuer_invalid', `DID: ${cause.message}`, { cause })
  }
}

function readKeyId(kid: unknown): { did: string; keyId: string } {
  const parsed = typeof kid === 'string' ? parseKeyId(kid) : undefined
  if (!parsed) throw new SdJwtError('issuer_invalid', 'kid is not a key of a DID')
  return parsed
}
