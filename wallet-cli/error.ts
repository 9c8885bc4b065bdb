/** Each reason for which a command ends early, with the exit status that scripts may rely on. */
const EXIT_STATUS = {
  // the command line
  usage_wrong: 2,
  answer_needed: 2,
  // the worker said no
  declined: 3,
  // the vault
  vault_missing: 4,
  vault_exists: 4,
  vault_in_use: 4,
  vault_damaged: 4,
  passphrase_wrong: 5,
  // the other party, or the way to it
  offer_invalid: 6,
  offer_spent: 6,
  tx_code_wrong: 6,
  issuer_not_trusted: 6,
  issuer_refused: 6,
  credential_invalid: 6,
  request_invalid: 7,
  verifier_not_trusted: 7,
  verifier_refused: 7,
  claims_not_held: 8,
  no_copy_left: 8,
  not_reachable: 9,
  trust_list_missing: 10,
  trust_list_invalid: 10,
  // the worker left a question open
  interrupted: 130,
  // anything else that the worker can do something about
  not_found: 1,
  file_unusable: 1,
} as const

export type WalletErrorCode = keyof typeof EXIT_STATUS

/**
 * A command cannot go on, for a reason that the worker can understand. The message is lower case without a full stop
 * and holds no claim value; `hint` says what to do next.
 */
export class WalletError extends Error {
  override readonly name = 'WalletError'
  readonly code: WalletErrorCode
  readonly hint: string | undefined

  constructor(
    code: WalletErrorCode,
    message: string,
    options: ErrorOptions & { hint?: string } = {},
  ) {
    super(message, options)
    this.code = code
    this.hint = options.hint
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.code]
  }
}
