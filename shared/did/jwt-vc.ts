import { createVerifiableCredentialJwt, createVerifiablePresentationJwt } from 'did-jwt-vc'
import { encodeBase64url } from '../base64url.ts'
import type { NumericDate } from '../clock.ts'
import type { JsonObject } from '../json.ts'
import type { Es256Signer } from '../key/signer.ts'

/** Who signs: a DID, the name of its key, and the signer of that key. */
export interface DidSigner {
  readonly did: string
  readonly keyId: string
  readonly signer: Es256Signer
}

const CONTEXT = 'https://www.w3.org/2018/credentials/v1'

/** Claims about the credential and not about its subject, which the W3C form says elsewhere. */
const ABOUT_CREDENTIAL = new Set([
  'iss',
  'iat',
  'nbf',
  'exp',
  'cnf',
  'vct',
  'vct#integrity',
  'status',
  'sub',
])

/**
 * Renders the claims of an SD-JWT VC as a W3C Verifiable Credential in JWT form (`jwt_vc_json`), a second rendering of
 * the same facts without selective disclosure: the type is the `vct`, the subject is the holder's DID, validity and the
 * status reference are the same. VC Data Model 1.1 §6.3.1, Token Status List §6.2.
 */
export async function renderJwtVc({
  claims,
  vct,
  issuer,
  holderDid,
  issuedAt,
  expires,
}: {
  claims: JsonObject
  vct: string
  issuer: DidSigner
  holderDid: string
  issuedAt: NumericDate
  expires: NumericDate
}): Promise<string> {
  const subject = Object.fromEntries(
    Object.entries(claims).filter(([name]) => !ABOUT_CREDENTIAL.has(name)),
  )
  const payload = {
    sub: holderDid,
    nbf: issuedAt,
    exp: expires,
    ...(Object.hasOwn(claims, 'status') ? { status: claims.status } : {}),
    vc: { '@context': [CONTEXT], type: ['VerifiableCredential', vct], credentialSubject: subject },
  }
  return createVerifiableCredentialJwt(payload, issuerOf(issuer), {
    header: { typ: 'JWT', alg: 'ES256', kid: issuer.keyId },
  })
}

/** Presents such credentials to one verifier for one transaction. VC Data Model 1.1 §6.3.1, OpenID4VP 1.0 Appendix B.1. */
export async function renderJwtVp({
  credentials,
  holder,
  audience,
  nonce,
  now,
  validSeconds,
}: {
  credentials: readonly string[]
  holder: DidSigner
  audience: string
  nonce: string
  now: NumericDate
  validSeconds: number
}): Promise<string> {
  const payload = {
    nbf: now,
    exp: now + validSeconds,
    vp: {
      '@context': [CONTEXT],
      type: ['VerifiablePresentation'],
      verifiableCredential: [...credentials],
    },
  }
  return createVerifiablePresentationJwt(payload, issuerOf(holder), {
    domain: audience,
    challenge: nonce,
    header: { typ: 'JWT', alg: 'ES256', kid: holder.keyId },
  })
}

/** A signer in the form that did-jwt takes: it gives the signing input and wants the raw signature in base64url. */
function issuerOf({ did, signer }: DidSigner): {
  did: string
  alg: 'ES256'
  signer: (data: string | Uint8Array) => Promise<string>
} {
  return {
    did,
    alg: 'ES256',
    signer: async (data) => encodeBase64url(await signer.sign(Buffer.from(data as string))),
  }
}
