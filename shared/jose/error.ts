/** What was wrong with a JOSE object or key. */
export type JoseErrorCode =
  | 'malformed'
  | 'too_large'
  | 'key_invalid'
  | 'algorithm_not_allowed'
  | 'critical_header'
  | 'type_mismatch'
  | 'signature_invalid'
  | 'decryption_failed'
  | 'claim_invalid'
  | 'expired'
  | 'not_yet_valid'
  | 'too_old'

/** A JOSE object or key is refused. The message names the member at fault and never a value. */
export class JoseError extends Error {
  override readonly name = 'JoseError'
  readonly code: JoseErrorCode

  constructor(code: JoseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
