/** A DCQL query is refused. */
export type DcqlErrorCode = 'malformed' | 'too_large'

/** A DCQL query is not one. The message names the member at fault. OpenID4VP 1.0 §6. */
export class DcqlError extends Error {
  override readonly name = 'DcqlError'
  readonly code: DcqlErrorCode

  constructor(code: DcqlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
