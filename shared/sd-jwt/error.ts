/** Why an SD-JWT, or a request to make one, is refused. */
export type SdJwtErrorCode =
  | 'malformed'
  | 'too_large'
  | 'type_mismatch'
  | 'hash_algorithm'
  | 'signature_invalid'
  | 'issuer_invalid'
  | 'disclosure_invalid'
  | 'disclosure_repeated'
  | 'disclosure_unreferenced'
  | 'digest_repeated'
  | 'claim_name_not_allowed'
  | 'claim_exists'
  | 'claim_not_disclosable'
  | 'claim_missing'
  | 'claim_invalid'
  | 'expired'
  | 'not_yet_valid'
  | 'key_binding_missing'
  | 'key_binding_unexpected'
  | 'key_binding_invalid'
  | 'vct_unexpected'
  | 'metadata_invalid'

/** An SD-JWT is refused. The message names the member or the step and never a claim's value. */
export class SdJwtError extends Error {
  override readonly name = 'SdJwtError'
  readonly code: SdJwtErrorCode

  constructor(code: SdJwtErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
