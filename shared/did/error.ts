/** Why a decentralized identifier, its document or a key in it is refused. */
export type DidErrorCode =
  | 'malformed'
  | 'method_not_supported'
  | 'not_resolved'
  | 'document_invalid'
  | 'key_not_found'
  | 'not_trusted'

/** A decentralized identifier is refused. The message names the member at fault. */
export class DidError extends Error {
  override readonly name = 'DidError'
  readonly code: DidErrorCode

  constructor(code: DidErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
