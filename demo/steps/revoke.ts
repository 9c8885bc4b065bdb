import { setTimeout as sleep } from 'node:timers/promises'
import { mustRun } from '../program.ts'
import { expectThat, type World } from '../world.ts'
import { auditWhileInOrder } from './audit.ts'
import { ask, type Result } from './present.ts'
import { startIssuer } from './start.ts'

/** Longer than any status list token of the demo is good for. */
const UNTIL_STALE_MS = 7_000
const REVOKED_WITHIN_MS = 15_000

/** The issuer revokes: the next list says so and the courier platform refuses. Then the list cannot be reached. */
export async function revokeAndRefuse(world: World, sessionId: string): Promise<void> {
  const { narrator, issuer } = world
  narrator.step('The issuer revokes; the courier platform refuses')
  const order = ['revoke', sessionId, '--reason-class', 'holder_request', '--url', issuer.url]
  const env = { CARNET_OPERATOR_KEY: issuer.operatorKey }
  narrator.fact(
    (await mustRun('carnet-issuer', order, { env })).trim().replace(sessionId, 'session'),
  )
  const refused = await askUntilRefused(world)
  narrator.fact(`the courier platform asks again: ${outcomeOf(refused)}`)
  expectThat(
    'the reason of the courier platform',
    refused.acceptance?.codes.includes('revoked'),
    true,
  )
  await auditWhileInOrder(world)

  narrator.step('The status list cannot be reached; that is never valid')
  await world.servers.get('issuer')?.stop()
  narrator.fact('the issuer is stopped; what the driver platform had cached grows stale')
  await sleep(UNTIL_STALE_MS)
  const unknown = await ask(world, 'driver', { showConsent: false, receipt: 'unreachable' })
  narrator.fact(`the driver platform asks again: ${outcomeOf(unknown)}`)
  expectThat('the outcome without a list', unknown.acceptance?.outcome, 'refuse')
  const undetermined = unknown.acceptance?.codes.some((code) => code.includes('undetermined'))
  expectThat('the reason without a list is undetermined', undetermined, true)
  await startIssuer(world)
  narrator.fact('the issuer is started again, on the data that it had')
}

/** A platform may use the list that it has until that list's `ttl`, so the refusal comes with the next one. */
async function askUntilRefused(world: World): Promise<Result> {
  const deadline = performance.now() + REVOKED_WITHIN_MS
  for (let attempt = 1; ; attempt++) {
    const result = await ask(world, 'courier', { showConsent: false, receipt: `later-${attempt}` })
    if (result.acceptance?.outcome !== 'accept' || performance.now() > deadline) return result
    await sleep(500)
  }
}

function outcomeOf({ acceptance }: Result): string {
  return acceptance ? [acceptance.outcome, ...acceptance.codes].join(', ') : 'no answer'
}
