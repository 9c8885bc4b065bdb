/** What a log artefact got wrong; the codes that callers branch on. */
export type AuditErrorCode =
  | 'note_malformed'
  | 'note_unsigned'
  | 'signature_invalid'
  | 'checkpoint_malformed'
  | 'origin_mismatch'
  | 'checkpoint_older'
  | 'proof_malformed'
  | 'proof_invalid'
  | 'entry_malformed'
  | 'tile_malformed'
  | 'witness_missing'

/** A log artefact is malformed or does not verify. The message names the part at fault and never quotes it. */
export class AuditError extends Error {
  override readonly name = 'AuditError'
  readonly code: AuditErrorCode

  constructor(code: AuditErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
