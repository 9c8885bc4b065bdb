import type { Vault } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { askPassphrase } from './passphrase.ts'

/** Opens the vault with the passphrase given or asked for, and closes it however the work ends. */
export async function withVault<T>(
  world: World,
  { vault: folder }: CommonOptions,
  work: (vault: Vault) => Promise<T>,
): Promise<T> {
  const vault = await world.vaults.open(folder, await askPassphrase(world))
  try {
    return await work(vault)
  } finally {
    await vault.close()
  }
}
