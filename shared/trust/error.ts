/** Why a certificate chain, a trust list or a fetched address is not trusted. */
export type TrustErrorCode =
  | 'malformed'
  | 'too_large'
  | 'chain_invalid'
  | 'anchor_included'
  | 'self_signed'
  | 'not_trusted'
  | 'expired'
  | 'not_yet_valid'
  | 'key_usage'
  | 'name_mismatch'
  | 'list_invalid'
  | 'address_refused'
  | 'fetch_failed'

/** Trust is refused. The message names what was wrong and never a personal value. */
export class TrustError extends Error {
  override readonly name = 'TrustError'
  readonly code: TrustErrorCode

  constructor(code: TrustErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
