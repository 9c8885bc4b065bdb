import { toDateTime } from '../../shared/clock.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { WalletError } from '../error.ts'
import { acceptCopies } from '../issuance/accept-copies.ts'
import { type DpopClient, dpopClient } from '../issuance/dpop-client.ts'
import { objectionToTxCode, redeemCode } from '../issuance/redeem-code.ts'
import { notifyIssuer, requestCredential } from '../issuance/request-credential.ts'
import { discoverIssuer, type Issuer, resolveOffer } from '../issuance/resolve-offer.ts'
import { plain } from '../text.ts'
import { currentTrust, type Trust } from '../trust.ts'
import type { AccessToken, HeldCredential, Issuance, Vault } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { withVault } from './with-vault.ts'

/** What `receive` was told. */
export interface ReceiveOptions extends CommonOptions {
  readonly offer: string | undefined
  readonly txCode?: string
  readonly copies: number
}

/** Redeems an offer, or goes on with the one that was interrupted. */
export async function receive(world: World, options: ReceiveOptions): Promise<void> {
  await withVault(world, options, async (vault) => {
    // An issuer may have been named only just now, and what it delivers is delivered once.
    const trust = await currentTrust(world, vault, { ...options, fresh: true })
    const fetch = world.network(options)
    const { issuance, issuer } =
      options.offer === undefined
        ? await goOn(world, vault, fetch)
        : await begin(world, vault, fetch, options, options.offer)
    const held = await finish({ world, vault, fetch, trust, issuance, issuer }, options.txCode)
    const { terminal } = world
    terminal.print(
      `received ${plain(held.vct)} from ${plain(held.issuerName)}, ${held.copies.length} copies`,
    )
    if (held.expires !== undefined) terminal.print(`valid until ${toDateTime(held.expires)}`)
    terminal.print(`its name here is ${held.id}`)
  })
}

interface Underway {
  readonly world: World
  readonly vault: Vault
  readonly fetch: Fetch
  readonly trust: Trust
  readonly issuance: Issuance
  readonly issuer: Issuer
}

async function begin(
  world: World,
  vault: Vault,
  fetch: Fetch,
  { copies, txCode }: ReceiveOptions,
  text: string,
): Promise<{ issuance: Issuance; issuer: Issuer }> {
  const { terminal } = world
  const { offer, batchSize, left, ...issuer } = await resolveOffer(fetch, text)
  const say = txCode === undefined ? terminal.tell : terminal.note
  say(`offer of ${plain(offer.vct)}`)
  say(`from ${plain(new URL(offer.issuer).host)}, which calls itself ${plain(offer.issuerName)}`)
  for (const id of left) terminal.note(`carnet-wallet: the offer also has ${plain(id)}, not taken`)
  if (offer.txCode === undefined && txCode !== undefined) {
    throw new WalletError('usage_wrong', 'this offer takes no transaction code')
  }
  if (offer.txCode === undefined && terminal.interactive) {
    const wanted = await terminal.confirm('Receive it?', '')
    if (!wanted) throw new WalletError('declined', 'nothing was received')
  }
  if (batchSize < copies) {
    terminal.note(`carnet-wallet: the issuer gives ${batchSize} of the ${copies} copies wanted`)
  }
  const issuance = await vault.beginIssuance(offer, Math.min(copies, batchSize), world.clock())
  return { issuance, issuer }
}

async function goOn(
  world: World,
  vault: Vault,
  fetch: Fetch,
): Promise<{ issuance: Issuance; issuer: Issuer }> {
  const issuance = (await vault.issuances()).at(-1)
  if (!issuance) {
    throw new WalletError('not_found', 'there is no unfinished offer to go on with', {
      hint: 'carnet-wallet receive OFFER',
    })
  }
  const { issuer: identifier, issuerName, vct } = issuance
  world.terminal.note(`going on with the offer of ${plain(vct)} from ${plain(issuerName)}`)
  return { issuance, issuer: await discoverIssuer(fetch, identifier) }
}

/** Every step may be the last before an interruption; what is stored by then lets the next start go on. */
async function finish(
  underway: Underway,
  givenTxCode: string | undefined,
): Promise<HeldCredential> {
  const { world, vault, fetch, trust, issuance, issuer } = underway
  const client = dpopClient({
    fetch,
    signer: issuance.dpopKey,
    random: world.random,
    clock: world.clock,
  })
  try {
    const accessToken = await accessTokenOf(underway, client, givenTxCode)
    const answer = await requestCredential(
      client,
      issuer.metadata,
      { ...issuance, accessToken },
      world.clock(),
    )
    const notify = (event: 'credential_accepted' | 'credential_failure') =>
      notifyIssuer(client, issuer.metadata, {
        notificationId: answer.notification_id,
        event,
        accessToken,
      })
    const now = world.clock()
    try {
      const received = acceptCopies(
        answer.credentials.map(({ credential }) => credential),
        {
          expectedIssuer: issuance.issuer,
          expectedVct: issuance.vct,
          expectedHolderKeys: issuance.holderKeys.map(({ publicJwk }) => publicJwk),
          anchors: trust.anchors,
          now,
        },
      )
      const held = await vault.completeIssuance(issuance.id, received, now)
      await notify('credential_accepted')
      return held
    } catch (error) {
      if (error instanceof WalletError) await notify('credential_failure')
      throw error
    }
  } catch (error) {
    if (error instanceof WalletError && isFinal(error)) {
      await vault.abandonIssuance(issuance.id, error.code, world.clock())
    }
    throw error
  }
}

/** After these, the same offer leads nowhere. */
function isFinal({ code }: WalletError): boolean {
  return code === 'offer_spent' || code === 'credential_invalid'
}

async function accessTokenOf(
  { world, vault, issuance, issuer }: Underway,
  client: DpopClient,
  givenTxCode: string | undefined,
): Promise<AccessToken> {
  const { accessToken } = issuance
  if (accessToken) {
    if (accessToken.expiresAt > world.clock()) return accessToken
    throw new WalletError('offer_spent', 'the offer was interrupted for too long and has expired', {
      hint: 'ask the issuer for a new offer',
    })
  }
  const token = await redeem({ world, issuance, issuer }, client, givenTxCode)
  await vault.keepAccessToken(issuance.id, token)
  return token
}

/**
 * Someone at the terminal may mistype: the code is asked for again until it is right, refused for good, or left. A code
 * that was given on the command line is tried once.
 */
async function redeem(
  { world, issuance, issuer }: Pick<Underway, 'world' | 'issuance' | 'issuer'>,
  client: DpopClient,
  givenTxCode: string | undefined,
): Promise<AccessToken> {
  const { terminal } = world
  for (;;) {
    const txCode = await txCodeFor(world, issuance, givenTxCode)
    try {
      return await redeemCode(client, issuer.server, issuance, txCode, world.clock())
    } catch (error) {
      const typed = givenTxCode === undefined && terminal.interactive
      if (!typed || !(error instanceof WalletError) || error.code !== 'tx_code_wrong') throw error
      terminal.tell(`carnet-wallet: ${error.message}`)
      terminal.tell(
        'carnet-wallet: hint: each try costs one of a few attempts; Control-C leaves the offer for later',
      )
    }
  }
}

async function txCodeFor(
  { terminal }: World,
  { txCode: form }: Issuance,
  given: string | undefined,
): Promise<string | undefined> {
  if (!form) return undefined
  if (given !== undefined) {
    const objection = objectionToTxCode(given, form)
    if (objection === undefined) return given
    throw new WalletError('tx_code_wrong', `${objection}; no attempt was spent`, {
      hint: 'the offer stays: carnet-wallet receive --tx-code CODE',
    })
  }
  const { description } = form
  return terminal.ask({
    message: `Transaction code${description === undefined ? '' : ` (the issuer says: ${plain(description, 300)})`}`,
    hint: 'the offer is kept: carnet-wallet receive --tx-code CODE',
    check: (code) => objectionToTxCode(code, form),
  })
}
