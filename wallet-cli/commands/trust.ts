import { toDateTime } from '../../shared/clock.ts'
import { WalletError } from '../error.ts'
import { plain } from '../text.ts'
import { currentTrust, fetchTrust, readSignerKey, refuseOlder, type Trust } from '../trust.ts'
import type { CommonOptions, World } from '../world.ts'
import { withVault } from './with-vault.ts'

/** Shows the trust list, or puts another one in its place after it was verified. */
export async function trust(
  world: World,
  options: CommonOptions & { readonly location: string | undefined; readonly signer?: string },
): Promise<void> {
  const { location, signer } = options
  if (signer !== undefined && location === undefined) {
    throw new WalletError('usage_wrong', '--signer needs the location of the trust list')
  }
  await withVault(world, options, async (vault) => {
    if (location === undefined)
      return show(world, await currentTrust(world, vault, { ...options, fresh: true }))
    const stored = await vault.trust()
    const signerKey = signer === undefined ? stored?.signerKey : await readSignerKey(world, signer)
    if (!signerKey) {
      throw new WalletError('usage_wrong', 'the first trust list needs --signer FILE')
    }
    const next = await fetchTrust(world, { ...options, location, signerKey })
    if (stored) refuseOlder(stored, next)
    await vault.keepTrust(next.source)
    show(world, next)
  })
}

function show({ terminal }: World, { source, list }: Trust): void {
  terminal.print(`trust list ${list.sequence} of ${plain(list.operator)}`)
  terminal.print(`from ${plain(source.location)}`)
  terminal.print(`valid until ${toDateTime(list.nextUpdate)}`)
  for (const { name, services } of list.entities) {
    for (const service of services) {
      terminal.print(`  ${plain(name)}: ${service.role} (${service.status})`)
    }
  }
}
