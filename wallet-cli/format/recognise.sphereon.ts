import { CredentialMapper, type OriginalVerifiableCredential } from '@sphereon/ssi-types'
import { sha256 } from '../../shared/hash.ts'
import { isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'

/** The formats that a person may come with. OpenID4VCI 1.0 Appendix A. */
export type CredentialFormat = 'dc+sd-jwt' | 'jwt_vc_json' | 'ldp_vc' | 'mso_mdoc'

/** What a text is and says. Nothing about it was verified, and nothing here decides validity. */
export interface RecognisedCredential {
  readonly format: CredentialFormat
  readonly types: readonly string[]
  readonly issuer: string | undefined
  readonly claims: JsonObject
}

const FORMATS: Readonly<Record<string, CredentialFormat>> = {
  'dc+sd-jwt': 'dc+sd-jwt',
  'vc+sd-jwt': 'dc+sd-jwt',
  jwt_vc: 'jwt_vc_json',
  jwt_vc_json: 'jwt_vc_json',
  ldp_vc: 'ldp_vc',
  mso_mdoc: 'mso_mdoc',
}

/** Longest text that is looked at. */
export const MAX_CREDENTIAL_LENGTH: number = 1 << 20

/**
 * Recognises a credential of any format that a wallet meets — SD-JWT VC, W3C credential as JWT or with a linked-data
 * proof, mdoc — and decodes it for display; `undefined` for anything else.
 */
export function recogniseCredential(text: string): RecognisedCredential | undefined {
  if (text.length > MAX_CREDENTIAL_LENGTH) return undefined
  try {
    return recognise(text.trim())
  } catch {
    // the mapper throws plain errors of many kinds for what it cannot read
    return undefined
  }
}

function recognise(text: string): RecognisedCredential | undefined {
  const original = (text.startsWith('{') ? JSON.parse(text) : text) as OriginalVerifiableCredential
  const wrapped = CredentialMapper.toWrappedVerifiableCredential(original, {
    hasher: (data) =>
      new Uint8Array(sha256(typeof data === 'string' ? data : new Uint8Array(data))),
  })
  const format = FORMATS[wrapped.format]
  const decoded = wrapped.decoded as unknown
  if (!format || !isJsonObject(decoded)) return undefined
  if (format === 'dc+sd-jwt') {
    const { vct } = decoded
    return typeof vct === 'string'
      ? { format, types: [vct], issuer: nameOf(decoded.iss), claims: decoded }
      : undefined
  }
  if (format === 'mso_mdoc') {
    const { type } = CredentialMapper.toUniformCredential(original) as { type?: Json }
    // what the mapper gives as issuer is the document type again; the issuer of an mdoc is its certificate
    return { format, types: stringsOf(type), issuer: undefined, claims: plainJson(decoded) }
  }
  return readW3c(
    format,
    isJsonObject(decoded.vc) ? { issuer: decoded.iss as Json, ...decoded.vc } : decoded,
  )
}

function readW3c(
  format: CredentialFormat,
  credential: JsonObject,
): RecognisedCredential | undefined {
  const { type, issuer, credentialSubject } = credential
  const types = stringsOf(type)
  if (!types.includes('VerifiableCredential') || !isJsonObject(credentialSubject)) return undefined
  return { format, types, issuer: nameOf(issuer), claims: credentialSubject }
}

/** An issuer is a string or an object with an `id`. VC Data Model 1.1 §4.5. */
function nameOf(issuer: Json | undefined): string | undefined {
  if (typeof issuer === 'string') return issuer
  return isJsonObject(issuer) && typeof issuer.id === 'string' ? issuer.id : undefined
}

function stringsOf(value: Json | undefined): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

/** Elements of an mdoc may be bytes, tagged dates and other things that JSON does not have. */
function plainJson(value: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(value, (_name, member: unknown) =>
      member instanceof Uint8Array || member instanceof Int8Array
        ? `(${member.length} bytes)`
        : typeof member === 'bigint'
          ? String(member)
          : member,
    ),
  ) as JsonObject
}
