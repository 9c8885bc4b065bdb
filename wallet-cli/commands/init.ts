import { WalletError } from '../error.ts'
import { fetchTrust, readSignerKey } from '../trust.ts'
import type { CommonOptions, World } from '../world.ts'
import { newPassphrase } from './passphrase.ts'

/** Makes a vault. The trust list is verified first, so that a wrong one leaves nothing behind. */
export async function init(
  world: World,
  options: CommonOptions & {
    readonly trustList?: string
    readonly trustSigner?: string
    readonly workFactor?: number
  },
): Promise<void> {
  const { terminal } = world
  const source = await trustSource(world, options)
  const passphrase = await newPassphrase(world, world.passphrase)
  const vault = await world.vaults.create(options.vault, passphrase, options.workFactor)
  try {
    if (source) await vault.keepTrust(source)
  } finally {
    await vault.close()
  }
  terminal.print(`made a vault in ${options.vault}`)
  if (!source) {
    terminal.note(
      'carnet-wallet: hint: it believes nobody yet: carnet-wallet trust LOCATION --signer FILE',
    )
  }
}

async function trustSource(
  world: World,
  {
    trustList,
    trustSigner,
    allowLoopback,
  }: CommonOptions & { readonly trustList?: string; readonly trustSigner?: string },
) {
  if (trustList === undefined && trustSigner === undefined) return undefined
  if (trustList === undefined || trustSigner === undefined) {
    throw new WalletError('usage_wrong', '--trust-list and --trust-signer go together')
  }
  const signerKey = await readSignerKey(world, trustSigner)
  return (await fetchTrust(world, { location: trustList, signerKey, allowLoopback })).source
}
