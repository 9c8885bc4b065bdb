/** Why a program cannot go on, in words for the person who started it. */
export type OperatorErrorCode =
  | 'config_invalid'
  | 'file_unreadable'
  | 'file_unwritable'
  | 'port_in_use'
  | 'address_unusable'
  | 'native_module_missing'
  | 'sqlite_too_old'
  | 'postgres_too_old'
  | 'database_unusable'
  | 'database_newer'
  | 'database_changed'
  | 'store_not_empty'
  | 'copy_failed'
  | 'trust_invalid'
  | 'key_invalid'
  | 'log_damaged'
  | 'backup_unusable'
  | 'backup_old'
  | 'server_unreachable'
  | 'request_refused'
  | 'delivery_unknown'
  | 'account_unknown'
  | 'examination_failed'
  | 'face_not_found'
  | 'image_unusable'

/**
 * A failure that whoever runs the program can mend. A `main.ts` prints the message and the hint without a stack and
 * exits with `exitCode`; anything else that reaches it is a defect.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError'
  readonly code: OperatorErrorCode
  readonly hint: string | undefined

  constructor(
    code: OperatorErrorCode,
    message: string,
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.hint = options.hint
  }

  /** 78 for a wrong configuration (sysexits.h `EX_CONFIG`), 1 for everything else. */
  get exitCode(): number {
    return this.code === 'config_invalid' ? 78 : 1
  }
}
