import { z } from 'zod'
import { JsonError, parseJson } from '../json.ts'
import { issuerIdentifierSchema } from './issuer-identifier.ts'

/** OpenID4VCI 1.0 §3.5. */
export const PRE_AUTHORIZED_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:pre-authorized_code'

/** Present, even when empty, it means that the wallet must send a transaction code. OpenID4VCI 1.0 §4.1.1. */
export interface TxCode {
  readonly input_mode?: 'numeric' | 'text' | undefined
  readonly length?: number | undefined
  readonly description?: string | undefined
}

/** OpenID4VCI 1.0 §4.1.1. */
export interface CredentialOffer {
  readonly credential_issuer: string
  readonly credential_configuration_ids: readonly string[]
  readonly grants?:
    | {
        readonly [PRE_AUTHORIZED_CODE_GRANT]?:
          | {
              readonly 'pre-authorized_code': string
              readonly tx_code?: TxCode | undefined
              /** Which of the issuer's authorization servers, where its metadata names several. */
              readonly authorization_server?: string | undefined
            }
          | undefined
      }
    | undefined
}

const txCodeSchema = z.object({
  input_mode: z.enum(['numeric', 'text']).optional(),
  length: z.number().int().positive().max(64).optional(),
  description: z.string().max(300).optional(),
})

/** What a wallet reads of an offer; other members and grants are ignored. */
export const credentialOfferSchema: z.ZodType<CredentialOffer> = z.object({
  credential_issuer: issuerIdentifierSchema,
  credential_configuration_ids: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(32)
    .refine((ids) => new Set(ids).size === ids.length, { message: 'has the same value twice' }),
  grants: z
    .object({
      [PRE_AUTHORIZED_CODE_GRANT]: z
        .object({
          'pre-authorized_code': z.string().min(1).max(1024),
          tx_code: txCodeSchema.optional(),
          authorization_server: issuerIdentifierSchema.optional(),
        })
        .optional(),
    })
    .optional(),
})

/** An offer as it reached the wallet: the text of the offer itself or where to fetch it. */
export type OfferReference =
  | { readonly by: 'value'; readonly offer: unknown }
  | { readonly by: 'reference'; readonly uri: string }

/** The link that opens a wallet with an offer by reference. OpenID4VCI 1.0 §4.1.3. */
export function offerLink(uri: string): string {
  return `openid-credential-offer://?${new URLSearchParams({ credential_offer_uri: uri })}`
}

/**
 * Reads a link of any scheme that carries `credential_offer` or `credential_offer_uri`, exactly one of them
 * (OpenID4VCI 1.0 §4.1), or the bare https address of an offer. The offer itself is not validated yet.
 */
export function parseOfferLink(text: string): OfferReference | undefined {
  if (text.length > 16_384 || !URL.canParse(text)) return undefined
  const url = new URL(text)
  const values = url.searchParams.getAll('credential_offer')
  const uris = url.searchParams.getAll('credential_offer_uri')
  if (values.length + uris.length === 0) {
    return /^https?:$/.test(url.protocol) ? { by: 'reference', uri: text } : undefined
  }
  const [value] = values
  const [uri] = uris
  if (values.length + uris.length !== 1) return undefined
  if (uri !== undefined) return URL.canParse(uri) ? { by: 'reference', uri } : undefined
  try {
    return { by: 'value', offer: parseJson(value as string) }
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}
