import { JoseError } from '../../shared/jose/error.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import { Problem, type ProblemCode } from '../../shared/problem.ts'
import { SdJwtError, type SdJwtErrorCode } from '../../shared/sd-jwt/error.ts'
import { parseSdJwt } from '../../shared/sd-jwt/parse.ts'

const CODES: Readonly<Partial<Record<SdJwtErrorCode, ProblemCode>>> = {
  signature_invalid: 'presentation_signature',
  issuer_invalid: 'presentation_untrusted',
  expired: 'presentation_time',
  not_yet_valid: 'presentation_time',
  vct_unexpected: 'presentation_not_requested',
  key_binding_missing: 'key_binding_missing',
}

/**
 * What the wallet is told when one presentation does not verify. A key binding that was made for somebody else, or for
 * another request, gets a code of its own, because that is what a replay looks like. Anything but an
 * {@link SdJwtError} is a defect and comes back as it is.
 */
export function presentationProblem(
  error: unknown,
  compact: string,
  expected: { readonly expectedClientId: string; readonly expectedNonce: string },
): unknown {
  if (!(error instanceof SdJwtError)) return error
  const code =
    error.code === 'key_binding_invalid'
      ? keyBindingCode(compact, expected)
      : (CODES[error.code] ?? 'presentation_malformed')
  return new Problem(code, error.message, { cause: error })
}

/** Only tells apart why a key binding that was refused already is wrong; nothing here is verified. */
function keyBindingCode(
  compact: string,
  expected: { readonly expectedClientId: string; readonly expectedNonce: string },
): ProblemCode {
  try {
    const { payload } = parseJwt(parseSdJwt(compact).keyBindingJwt ?? '')
    if (payload.aud !== expected.expectedClientId) return 'key_binding_audience'
    if (payload.nonce !== expected.expectedNonce) return 'key_binding_nonce'
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
  }
  return 'key_binding_invalid'
}
