/** Why a status list, or a reference to one, is refused. */
export type StatusListErrorCode =
  | 'malformed'
  | 'too_large'
  | 'type_mismatch'
  | 'signature_invalid'
  | 'signer_unexpected'
  | 'not_trusted'
  | 'uri_mismatch'
  | 'expired'
  | 'not_yet_valid'
  | 'claim_invalid'

/** A status list is refused. The message names the member at fault. */
export class StatusListError extends Error {
  override readonly name = 'StatusListError'
  readonly code: StatusListErrorCode

  constructor(code: StatusListErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
