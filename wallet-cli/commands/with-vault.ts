import type { Vault } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'

/** Opens the vault with the passphrase given or asked for, and closes it however the work ends. */
export async function withVault<T>(
  world: World,
  { vault: folder }: CommonOptions,
  work: (vault: Vault) => Promise<T>,
): Promise<T> {
  const vault = await world.vaults.open(folder, await passphrase(world))
  try {
    return await work(vault)
  } finally {
    await vault.close()
  }
}

async function passphrase({ passphrase: given, terminal }: World): Promise<string> {
  return given ?? terminal.ask({ message: 'Passphrase', hint: PASSPHRASE_HINT, secret: true })
}

/** How a script gives the passphrase. */
export const PASSPHRASE_HINT = 'set CARNET_WALLET_PASSPHRASE'
