import type { CommonOptions, World } from '../world.ts'
import { askPassphrase, newPassphrase } from './passphrase.ts'

/** Writes the whole vault to one file that the passphrase of today opens. */
export async function backup(
  world: World,
  options: CommonOptions & { readonly file: string },
): Promise<void> {
  await world.vaults.backup(options.vault, await askPassphrase(world), options.file)
  world.terminal.print(`wrote ${options.file}`)
  world.terminal.note(
    'carnet-wallet: hint: whoever has it and the passphrase has your identity; keep it like a key',
  )
}

/** Makes a vault from a backup. */
export async function restore(
  world: World,
  options: CommonOptions & { readonly file: string; readonly nothingShownSince: boolean },
): Promise<void> {
  const { terminal } = world
  const vault = await world.vaults.restore(options.vault, await askPassphrase(world), options)
  await vault.close()
  terminal.print(`made a vault in ${options.vault}`)
  if (options.nothingShownSince) return
  terminal.note(
    'carnet-wallet: copies that nobody had seen are retired, because the other wallet may have shown them since',
  )
  terminal.note('carnet-wallet: hint: ask the issuers for new offers')
}

/** Seals the vault's key under another passphrase. */
export async function changePassphrase(world: World, options: CommonOptions): Promise<void> {
  const present = await askPassphrase(world)
  const next = await newPassphrase(world, world.nextPassphrase)
  await world.vaults.changePassphrase(options.vault, present, next)
  world.terminal.print('the vault has another passphrase')
  world.terminal.note(
    'carnet-wallet: hint: backups still open with the one that they were made under',
  )
}
