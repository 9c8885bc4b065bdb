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
  await tellReading(world, view.session_id)
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
  readonly document: {
    readonly type: string
    readonly reading: string
    readonly check_digits: readonly { readonly valid: boolean }[]
  }
  readonly screening: {
    readonly lists: readonly { readonly id: string; readonly version: string }[]
    readonly threshold: number
    readonly hits: readonly { readonly score: number }[]
  }
  readonly decision: { readonly codes: readonly string[] }
}

/** What the issuer read and screened, as a reviewer sees it; the worker is not told of lists. */
async function tellReading(world: World, sessionId: string): Promise<void> {
  const { document, screening } = await showReview(world, sessionId)
  const right = document.check_digits.filter(({ valid }) => valid).length
  const digits = `${right} of ${document.check_digits.length} check digits right`
  world.narrator.fact(`zone: ${document.type} read from pixels, ${document.reading}, ${digits}`)
  const lists = screening.lists.map(({ id, version }) => `${id} ${version}`).join(', ')
  world.narrator.fact(`screening: ${screening.hits.length} hits on ${lists}`)
  expectThat('the check digits that are right', right, document.check_digits.length)
  expectThat('the hits on the worker', screening.hits.length, 0)
}

async function showReview({ issuer }: World, sessionId: string): Promise<ReviewView> {
  const args = ['review', 'show', sessionId, '--url', issuer.url]
  const env = { CARNET_REVIEWER_KEY: issuer.reviewerKey }
  return JSON.parse(await mustRun('carnet-issuer', args, { env })) as ReviewView
}

async function review(world: World, sessionId: string): Promise<void> {
  const { narrator, issuer } = world
  const env = { CARNET_REVIEWER_KEY: issuer.reviewerKey }
  const at = ['--url', issuer.url]
  const { screening, decision } = await showReview(world, sessionId)
  const [hit] = screening.hits
  if (!hit) throw new DemoError('the reviewer is shown no hit')
  const score = `a hit of ${hit.score.toFixed(2)}, shown from ${screening.threshold.toFixed(2)}`
  narrator.fact(`  the reviewer sees ${decision.codes.join(', ')}: ${score}`)
  const reason = 'same name and date of birth as the listed person'
  const args = ['review', 'decide', sessionId, '--outcome', 'reject', '--reason', reason, ...at]
  const decided = await mustRun('carnet-issuer', args, { env })
  narrator.fact(`  the reviewer decides: ${decided.trim().split(/\s+/).at(-1)} ("${reason}")`)
  expectThat('the reviewed session', /rejected/.test(decided), true)
}
