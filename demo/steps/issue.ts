import { expectThat, type World } from '../world.ts'
import { call, type OwnSession } from './prove-identity.ts'
import { tryWallet, wallet } from './wallet.ts'

/** The approval becomes an offer; the wallet redeems it into two copies. */
export async function issueToTheWallet(world: World, { view, token }: OwnSession): Promise<void> {
  const { narrator, issuer, trust } = world
  narrator.step('The approval becomes a credential offer, and the wallet redeems it')
  const offer = (await call(`${issuer.url}/sessions/${view.session_id}/offer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })) as { credential_offer_link: string; tx_code: string }
  narrator.fact('pre-authorized code with a transaction code that travels another way')
  // The passphrase is random and long, so guessing it need not be slow.
  const init = ['init', '--work-factor', '12', '--trust-list', trust.list]
  await wallet(world, [...init, '--trust-signer', trust.signer])

  const mistyped = String((Number(offer.tx_code[0]) + 1) % 10) + offer.tx_code.slice(1)
  const args = ['receive', offer.credential_offer_link, '--tx-code', mistyped]
  const { code, stderr } = await tryWallet(world, args)
  expectThat('the exit status after a mistyped code', code, 6)
  narrator.fact('a mistyped code costs an attempt, not the offer:')
  for (const line of stderr.trim().split('\n').slice(-2)) narrator.fact(`  ${line}`)

  const received = await wallet(world, ['receive', '--tx-code', offer.tx_code])
  for (const line of received.trim().split('\n')) narrator.fact(line)
  narrator.fact(
    'DPoP-bound token, c_nonce, one key proof a copy; the vault is sealed with a passphrase',
  )
}
