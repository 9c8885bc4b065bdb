import { WalletError } from '../error.ts'
import type { HeldCredential, Vault } from '../vault/vault.ts'

/** The credential of that name, or the only one there is. @throws WalletError `not_found`, `usage_wrong` */
export async function heldCredential(
  vault: Vault,
  id: string | undefined,
): Promise<HeldCredential> {
  const credentials = await vault.credentials()
  if (credentials.length === 0) throw new WalletError('not_found', 'you hold nothing yet')
  if (id === undefined && credentials.length > 1) {
    throw new WalletError('usage_wrong', 'which one? you hold several', {
      hint: 'carnet-wallet list',
    })
  }
  const found = id === undefined ? credentials[0] : credentials.find((held) => held.id === id)
  if (found) return found
  throw new WalletError('not_found', 'you hold nothing of that name', {
    hint: 'carnet-wallet list',
  })
}
