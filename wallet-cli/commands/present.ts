import type { NumericDate } from '../../shared/clock.ts'
import type { VerifiedRequest } from '../../shared/oid4vp/request.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { WalletError } from '../error.ts'
import { pathText } from '../presentation/claim-words.ts'
import { consentScreen, showsPortrait, verifierName, whoAsks } from '../presentation/consent.ts'
import { fetchRequest } from '../presentation/fetch-request.ts'
import { type PlannedCredential, planPresentation } from '../presentation/plan.ts'
import { buildVpToken, postRefusal, postResponse } from '../presentation/respond.ts'
import { plain } from '../text.ts'
import { currentTrust, type Trust } from '../trust.ts'
import type { HolderCopy, Vault } from '../vault/vault.ts'
import type { CommonOptions, World } from '../world.ts'
import { withVault } from './with-vault.ts'

/** What `present` was told. */
export interface PresentOptions extends CommonOptions {
  readonly request: string
  readonly yes: boolean
  readonly showPortrait: boolean
}

/** Answers a presentation request after the worker agreed to it. */
export async function present(world: World, options: PresentOptions): Promise<void> {
  await withVault(world, options, async (vault) => {
    const now = world.clock()
    const { request, anchors } = await trustedRequest(world, vault, options, now)
    const plan = await planPresentation(request, await vault.credentials(), { anchors, now })
    if (plan.answer === 'not_held') {
      await agreeToRefuse(world, options, request)
      await refuse(world, vault, options, request)
      throw new WalletError('claims_not_held', 'you hold nothing that answers this request', {
        hint: 'they were told no, without a reason',
      })
    }
    if (plan.answer === 'no_copy_left') {
      const { vct, issuerName } = plan.credential
      for (const line of whoAsks(request, world.terminal.width)) world.terminal.note(line)
      throw new WalletError(
        'no_copy_left',
        `every copy of ${plain(vct)} was shown to someone else`,
        {
          hint: `nothing was shown; ask ${plain(issuerName)} for a new offer, then run this again`,
        },
      )
    }
    if (!(await agrees(world, options, request, plan.credentials))) {
      await refuse(world, vault, options, request)
      throw new WalletError('declined', 'nothing was shown; they were told no')
    }
    await deliver(world, vault, options, request, plan.credentials)
  })
}

/** A verifier that is not trusted is looked up in the newest trust list before it is refused. */
async function trustedRequest(
  world: World,
  vault: Vault,
  options: PresentOptions,
  now: NumericDate,
): Promise<{ readonly request: VerifiedRequest; readonly anchors: AnchorsAt }> {
  const fetchWith = async ({ anchors }: Trust) => ({
    anchors,
    request: await fetchRequest(options.request, {
      fetch: world.network(options),
      random: world.random,
      anchors,
      now,
    }),
  })
  try {
    return await fetchWith(await currentTrust(world, vault, options))
  } catch (error) {
    if (!(error instanceof WalletError) || error.code !== 'verifier_not_trusted') throw error
    return fetchWith(await currentTrust(world, vault, { ...options, fresh: true }))
  }
}

async function agrees(
  { terminal }: World,
  { yes, showPortrait }: PresentOptions,
  request: VerifiedRequest,
  planned: readonly PlannedCredential[],
): Promise<boolean> {
  const { width, interactive } = terminal
  const values = interactive && !yes
  const say = yes ? terminal.note : terminal.tell
  for (const line of consentScreen(request, planned, { width, values })) say(line)
  const hint = 'agree beforehand with --yes'
  const agreed = yes || (await terminal.confirm(`Show this to ${verifierName(request)}?`, hint))
  if (!agreed || showPortrait || !showsPortrait(planned)) return agreed
  // A portrait is biometric data: agreeing to the rest does not agree to it.
  if (!yes) return terminal.confirm('Show your portrait too?', hint)
  throw new WalletError(
    'answer_needed',
    'they ask for your portrait, to which --yes does not agree',
    {
      hint: 'agree beforehand with --show-portrait',
    },
  )
}

/** Without interaction nothing is sent, not even an error. OpenID4VP 1.0 §15.9. */
async function agreeToRefuse(
  { terminal }: World,
  { yes }: PresentOptions,
  request: VerifiedRequest,
): Promise<void> {
  const say = yes ? terminal.note : terminal.tell
  for (const line of whoAsks(request, terminal.width)) say(line)
  say('You hold nothing that answers it.')
  if (yes || (await terminal.confirm('Tell them no?', 'agree beforehand with --yes'))) return
  throw new WalletError('claims_not_held', 'you hold nothing that answers this request', {
    hint: 'they were not told anything',
  })
}

async function refuse(
  world: World,
  vault: Vault,
  options: PresentOptions,
  request: VerifiedRequest,
): Promise<void> {
  await vault.recordRefusal(partyOf(request), world.clock())
  try {
    await postRefusal(world.network(options), request)
  } catch (error) {
    if (!(error instanceof WalletError)) throw error // a refusal that does not arrive is one all the same
  }
}

async function deliver(
  world: World,
  vault: Vault,
  options: PresentOptions,
  request: VerifiedRequest,
  planned: readonly PlannedCredential[],
): Promise<void> {
  const taken = await vault.beginPresentation(
    {
      ...partyOf(request),
      credentials: planned.map(({ credential, visible }) => ({
        credentialId: credential.id,
        claims: visible.map(({ path }) => pathText(path)),
      })),
    },
    world.clock(),
  )
  if (!taken.taken) throw new WalletError('no_copy_left', 'the last copy was shown meanwhile')
  const answers = planned.map(({ match }, index) => ({
    ...match,
    copy: taken.copies[index] as HolderCopy,
  }))
  const vpToken = await buildVpToken(request, answers, world.clock())
  let redirectUri: string | undefined
  try {
    ;({ redirectUri } = await postResponse(world.network(options), request, vpToken, world.random))
  } catch (error) {
    // Where there was no answer it may have arrived, and the journal says so by leaving the entry as intended.
    if (error instanceof WalletError && error.code === 'verifier_refused') {
      await vault.endPresentation(taken.presentationId, 'failed', world.clock())
    }
    throw error
  }
  await vault.endPresentation(taken.presentationId, 'delivered', world.clock())
  world.terminal.print(`shown to ${verifierName(request)}`)
  if (redirectUri !== undefined) world.terminal.print(`go on at ${plain(redirectUri, 2048)}`)
}

function partyOf(request: VerifiedRequest) {
  const { clientId, purpose } = request
  return {
    verifier: clientId,
    verifierName: verifierName(request),
    ...(purpose === undefined ? {} : { purpose }),
  }
}
