/** The codes that specifications give for what the other party did. Each is sent as it stands here. */
const PROTOCOL_CODES = [
  // RFC 6749 §5.2, §4.1.2.1
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
  'server_error',
  // RFC 6750 §3.1
  'invalid_token',
  'insufficient_scope',
  // RFC 9449 §5, §8
  'invalid_dpop_proof',
  'use_dpop_nonce',
  // OpenID4VCI 1.0 §8.3.1.2, §11.3
  'invalid_credential_request',
  'unknown_credential_configuration',
  'unknown_credential_identifier',
  'invalid_proof',
  'invalid_nonce',
  'invalid_encryption_parameters',
  'credential_request_denied',
  'invalid_notification_id',
  'invalid_notification_request',
  // OpenID4VP 1.0 §8.5
  'vp_formats_not_supported',
  'invalid_request_uri_method',
  'invalid_transaction_data',
  'wallet_unavailable',
] as const

export type ProtocolCode = (typeof PROTOCOL_CODES)[number]

/**
 * A failure that the other party caused and is told about in a protocol's own form. `message` becomes
 * `error_description`: it names the parameter at fault and never a secret or personal value; what only the
 * operator may see goes in `cause`. Anything else that is thrown is a defect and is rendered `server_error`.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: ProtocolCode

  constructor(code: ProtocolCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
