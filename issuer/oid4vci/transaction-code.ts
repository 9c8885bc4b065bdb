import { sha256Base64url } from '../../shared/hash.ts'

/** What is stored of a transaction code. The code it is bound to is not stored, so the few possible ones cannot be tried. */
export function transactionCodeDigest(code: string, txCode: string): string {
  return sha256Base64url(`${code}/${txCode}`)
}
