import { mustRun } from '../program.ts'
import { LISTED, WORKER } from '../specimen/holders.ts'
import { drawPassport } from '../specimen/passport.ts'
import { DemoError, expectThat, type World } from '../world.ts'
import { type OwnSession, proveIdentity, scoreLine } from './prove-identity.ts'

/** The worker proves who they are; the issuer decides. Answers the approved session. */
export async function decideOnTheWorker(world: World): Promise<OwnSession> {
  const { narrator, faces } = world
  narrator.step('A worker uploads a specimen passport and a selfie')
  const document = await drawPassport({
    holder: WORKER,
    portrait: faces.portrait,
    font: faces.font,
  })
  narrator.fact('the passport is drawn here: Utopia issues none, and its holder does not exist')
  narrator.fact('portrait and selfie are different moments of one recording session')
  const session = await proveIdentity(world, { document, selfie: faces.selfie })
  narrator.step('The issuer reads, compares, screens and decides')
  const { view } = session
  narrator.fact(scoreLine('face match', view.scores.face_match))
  narrator.fact(scoreLine('liveness', view.scores.liveness))
  narrator.fact(`pipeline ${view.pipeline}, models by digest:`)
  for (const { id, sha256 } of view.models) narrator.fact(`  ${sha256.slice(0, 16)}…  ${id}`)
  narrator.fact(`decision: ${view.decision.outcome}`)
  expectThat('the decision on the worker', view.decision.outcome, 'approve')
  return session
}

/** Three who are not accepted at once, and why. */
export async function decideOnTheOthers(world: World): Promise<void> {
  const { narrator, faces } = world
  narrator.step('Beside the worker: three who are not accepted at once')
  const genuine = { portrait: faces.portrait, font: faces.font }

  const borrowed = await proveIdentity(world, {
    document: await drawPassport({ holder: WORKER, ...genuine }),
    selfie: faces.otherSelfie,
  })
  narrator.fact("another person's selfie:")
  narrator.fact(`  ${scoreLine('face match', borrowed.view.scores.face_match)}`)
  narrator.fact(
    `  decision: ${borrowed.view.decision.outcome}; a score refuses nobody, a person looks`,
  )
  expectThat('the decision on a borrowed passport', borrowed.view.decision.outcome, 'refer')

  const altered = await proveIdentity(world, {
    document: await drawPassport({ holder: WORKER, ...genuine, alterMrz: true }),
    selfie: faces.selfie,
  })
  const codes = altered.view.decision.codes.join(', ')
  narrator.fact(
    `one altered digit in the machine-readable zone: ${altered.view.decision.outcome}, ${codes}`,
  )
  expectThat('the decision on an altered zone', altered.view.decision.outcome, 'reject')
  expectThat('its code', altered.view.decision.codes.includes('mrz_check_digit_wrong'), true)

  const listed = await proveIdentity(world, {
    document: await drawPassport({ holder: LISTED, ...genuine }),
    selfie: faces.selfie,
  })
  narrator.fact(
    `a name on the watchlist: ${listed.view.decision.outcome}; the applicant is told only that`,
  )
  expectThat('the decision on a listed name', listed.view.decision.outcome, 'refer')
  await review(world, listed.view.session_id)
}

/** What a reviewer of the issuer is shown. */
interface ReviewView {
  readonly screening: {
    readonly hits: readonly {
      readonly entry?: { readonly id: string; readonly name?: string }
      readonly score: number
    }[]
  }
  readonly decision: { readonly codes: readonly string[] }
}

async function review({ narrator, issuer }: World, sessionId: string): Promise<void> {
  const env = { CARNET_REVIEWER_KEY: issuer.reviewerKey }
  const at = ['--url', issuer.url]
  const shown = await mustRun('carnet-issuer', ['review', 'show', sessionId, ...at], { env })
  const { screening, decision } = JSON.parse(shown) as ReviewView
  const [hit] = screening.hits
  if (!hit) throw new DemoError('the reviewer is shown no hit')
  narrator.fact(
    `  the reviewer sees ${decision.codes.join(', ')}: a hit of ${hit.score.toFixed(2)}`,
  )
  const reason = 'same name and date of birth as the listed person'
  const args = ['review', 'decide', sessionId, '--outcome', 'reject', '--reason', reason, ...at]
  const decided = await mustRun('carnet-issuer', args, { env })
  narrator.fact(`  the reviewer decides: ${decided.trim().split(/\s+/).at(-1)} ("${reason}")`)
  expectThat('the reviewed session', /rejected/.test(decided), true)
}
