/** The key of a vault in the clear, as it lies inside the age file. */
export interface VaultKey {
  /** Names the key; not a secret. */
  readonly keyId: string
  readonly key: Uint8Array
}

/**
 * Seals rows under one key. `context` names the place that a row belongs to and is authenticated with it, so that a
 * row moved to another place does not open.
 */
export interface Seal {
  /** Names the key; not a secret. */
  readonly keyId: string
  seal(plaintext: Uint8Array, context: string): Uint8Array
  /** @throws WalletError `vault_damaged` when the row was changed, moved, or sealed under another key */
  open(sealed: Uint8Array, context: string): Uint8Array
}
