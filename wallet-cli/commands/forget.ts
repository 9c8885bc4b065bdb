import { WalletError } from '../error.ts'
import { plain } from '../text.ts'
import type { CommonOptions, World } from '../world.ts'
import { heldCredential } from './held-credential.ts'
import { withVault } from './with-vault.ts'

/** What `forget` was told. */
export interface ForgetOptions extends CommonOptions {
  readonly id: string | undefined
  readonly unfinished: boolean
  readonly yes: boolean
}

/** Destroys a credential with its keys, or gives unfinished offers up. Neither comes back. */
export async function forget(world: World, options: ForgetOptions): Promise<void> {
  const { terminal } = world
  if (options.unfinished === (options.id !== undefined)) {
    throw new WalletError('usage_wrong', 'either the name of a credential, or --unfinished')
  }
  await withVault(world, options, async (vault) => {
    const agrees = async (what: string): Promise<void> => {
      const hint = 'agree beforehand with --yes'
      if (options.yes || (await terminal.confirm(`Destroy ${what} for good?`, hint))) return
      throw new WalletError('declined', 'nothing was destroyed')
    }
    if (options.unfinished) {
      const issuances = await vault.issuances()
      if (issuances.length === 0) throw new WalletError('not_found', 'there is no unfinished offer')
      await agrees(`${issuances.length} unfinished`)
      for (const { id } of issuances) await vault.abandonIssuance(id, 'given_up', world.clock())
      terminal.print(`gave up ${issuances.length} unfinished`)
      return
    }
    const held = await heldCredential(vault, options.id)
    const what = `${plain(held.vct)} from ${plain(held.issuerName)}`
    await agrees(`${what} with all ${held.copies.length} copies`)
    await vault.forget(held.id, world.clock())
    terminal.print(`destroyed ${what}`)
  })
}
