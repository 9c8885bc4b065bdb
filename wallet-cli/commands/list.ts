import { toDateTime } from '../../shared/clock.ts'
import { jsonLine, plain, wrap } from '../text.ts'
import { isFree } from '../vault/copy.ts'
import type { HeldCredential } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { withVault } from './with-vault.ts'

/** Lists what the vault holds, and offers that were not finished. */
export async function list(
  world: World,
  options: CommonOptions & { readonly json: boolean },
): Promise<void> {
  const { terminal } = world
  await withVault(world, options, async (vault) => {
    const credentials = await vault.credentials()
    const now = world.clock()
    for (const credential of credentials) {
      if (options.json) terminal.print(jsonLine(summaryOf(credential)))
      else for (const line of render(credential, now, terminal.width)) terminal.print(line)
    }
    if (credentials.length === 0 && !options.json) terminal.note('you hold nothing yet')
    for (const { vct, issuerName } of await vault.issuances()) {
      terminal.note(
        `carnet-wallet: the offer of ${plain(vct)} from ${plain(issuerName)} is unfinished`,
      )
      terminal.note('carnet-wallet: hint: go on with: carnet-wallet receive')
    }
  })
}

/** A credential for scripts, without a claim. */
function summaryOf({ copies, ...credential }: HeldCredential) {
  return { ...credential, copies: copies.length, fresh: fresh(copies) }
}

function render(credential: HeldCredential, now: number, width: number): string[] {
  const { id, vct, issuerName, expires, copies } = credential
  const valid =
    expires === undefined
      ? 'valid without end'
      : `${expires <= now ? 'expired' : 'valid until'} ${toDateTime(expires)}`
  return [
    ...wrap(`${id}  ${plain(vct)}`, width),
    ...wrap(`from ${plain(issuerName)}, ${valid}`, width, '    '),
    ...wrap(`${fresh(copies)} of ${copies.length} copies fresh`, width, '    '),
  ]
}

function fresh(copies: HeldCredential['copies']): number {
  return copies.filter(isFree).length
}
