/** Why a delivery is not taken. The codes are stable. */
export type WebhookErrorCode =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_stale'
  | 'signature_invalid'
  | 'key_unknown'
  | 'digest_mismatch'
  | 'event_malformed'

/** A delivery that is not from the server that it claims to be from, or not fit to be read. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  constructor(code: WebhookErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
