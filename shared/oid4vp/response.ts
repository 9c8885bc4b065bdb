import { z } from 'zod'
import { ProtocolError } from '../error.ts'
import { JoseError } from '../jose/error.ts'
import { type ContentEncryption, decryptJwe, type EncryptionJwk, encryptJwe } from '../jose/jwe.ts'
import { type Json, JsonError, parseJsonBytes } from '../json.ts'
import type { Random } from '../random.ts'
import { RESPONSE_ENCRYPTIONS } from './request.ts'

/** The longest response that is read, in characters of the JWE. */
export const MAX_RESPONSE_LENGTH: number = 256 * 1024

/** Presentations by the id of the credential query they answer. OpenID4VP 1.0 §8.1. */
export type VpToken = Readonly<Record<string, readonly string[]>>

/** What a wallet answers: presentations, or why there are none. */
export type AuthorizationResponse =
  | {
      readonly kind: 'presentation'
      readonly vpToken: VpToken
      readonly state?: string | undefined
    }
  | { readonly kind: 'error'; readonly error: string; readonly state?: string | undefined }

const state = z.string().max(512).optional()
const vpTokenSchema = z
  .record(z.string().max(128), z.array(z.string().min(1)).min(1).max(16))
  .refine((token) => Object.keys(token).length > 0 && Object.keys(token).length <= 16)
const errorSchema = z.object({
  error: z.string().regex(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}$/),
  state,
})
const presentationSchema = z.object({
  vp_token: vpTokenSchema,
  state,
  error: z.undefined().optional(),
})
const formSchema = z.union([
  z.object({
    response: z.string().min(1).max(MAX_RESPONSE_LENGTH),
    error: z.undefined().optional(),
  }),
  errorSchema.extend({ response: z.undefined().optional() }),
])

/** Encrypts presentations for the key that the request names: the `response` of the form. OpenID4VP 1.0 §8.3.1. */
export function encryptResponse(
  { vpToken, state }: { readonly vpToken: VpToken; readonly state?: string | undefined },
  {
    recipient,
    enc,
    random,
  }: {
    readonly recipient: EncryptionJwk
    readonly enc: ContentEncryption
    readonly random: Random
  },
): Promise<string> {
  const payload = { vp_token: vpToken, ...(state === undefined ? {} : { state }) }
  return encryptJwe(Buffer.from(JSON.stringify(payload)), { recipient, enc, random })
}

/** What arrives at a response URI: an encrypted response, or an error in the clear. OpenID4VP 1.0 §8.3.1, §8.5. */
export type ResponseForm =
  | { readonly kind: 'encrypted'; readonly jwe: string }
  | Extract<AuthorizationResponse, { kind: 'error' }>

/**
 * Reads the form of `direct_post.jwt`; the caller has refused repeated parameters. An unencrypted `vp_token` is refused
 * whatever else is there.
 * @throws ProtocolError `invalid_request`
 */
export function parseResponseForm(form: unknown): ResponseForm {
  const parsed = formSchema.safeParse(form)
  if (!parsed.success) {
    throw new ProtocolError('invalid_request', 'the form has neither response nor error')
  }
  if (parsed.data.response !== undefined) return { kind: 'encrypted', jwe: parsed.data.response }
  return { kind: 'error', error: parsed.data.error, state: parsed.data.state }
}

/**
 * Decrypts and reads a response. Does not check `state` nor any presentation in it.
 * @throws ProtocolError `invalid_request`
 */
export async function decryptResponse(
  jwe: string,
  { pkcs8, expectedKid }: { readonly pkcs8: string; readonly expectedKid: string },
): Promise<AuthorizationResponse> {
  let payload: Json
  try {
    const { plaintext } = await decryptJwe(jwe, {
      pkcs8,
      expectedKid,
      allowedEnc: RESPONSE_ENCRYPTIONS,
    })
    payload = parseJsonBytes(plaintext, { maxLength: MAX_RESPONSE_LENGTH, maxDepth: 8 })
  } catch (cause) {
    if (!(cause instanceof JoseError || cause instanceof JsonError)) throw cause
    throw new ProtocolError('invalid_request', 'response cannot be decrypted', { cause })
  }
  const presentation = presentationSchema.safeParse(payload)
  if (presentation.success) {
    return {
      kind: 'presentation',
      vpToken: presentation.data.vp_token,
      state: presentation.data.state,
    }
  }
  const error = errorSchema.safeParse(payload)
  if (error.success) return { kind: 'error', error: error.data.error, state: error.data.state }
  throw new ProtocolError('invalid_request', 'vp_token is missing or not valid')
}

const acknowledgementSchema = z.object({ redirect_uri: z.url().max(2048).optional() })

/**
 * Reads what a verifier answers at its response URI: where to send the user next, if anywhere. OpenID4VP 1.0 §8.2.
 * @throws ProtocolError `invalid_request`
 */
export function parseAcknowledgement(body: Json): { readonly redirectUri?: string | undefined } {
  const parsed = acknowledgementSchema.safeParse(body)
  if (!parsed.success) throw new ProtocolError('invalid_request', 'redirect_uri is not a URL')
  return { redirectUri: parsed.data.redirect_uri }
}
