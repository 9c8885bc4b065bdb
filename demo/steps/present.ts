import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { mustRun, run } from '../program.ts'
import { DemoError, expectThat, type World } from '../world.ts'
import { present } from './wallet.ts'

/** What a platform's verifier made of one request. */
export interface Result {
  readonly acceptance?: { readonly outcome: string; readonly codes: readonly string[] }
  readonly claims?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Both platforms ask, the worker agrees, each verifies its own copy and accepts. */
export async function presentToBoth(world: World): Promise<void> {
  const { narrator, driver, courier } = world
  narrator.step('The driver platform asks; the worker agrees; it accepts')
  const first = await ask(world, 'driver', { showConsent: true })
  expectThat('the acceptance by the driver platform', first.acceptance?.outcome, 'accept')
  for (const [id, claims] of Object.entries(first.claims ?? {})) {
    narrator.fact(`${driver.name} received of ${id}: ${JSON.stringify(claims)}`)
  }
  narrator.fact('accepted, with a receipt that can be verified again without a network:')
  for (const line of await verifyReceipt(world, 'driver')) narrator.fact(`  ${line}`)

  narrator.step('The courier platform does the same with the other copy')
  const second = await ask(world, 'courier', { showConsent: false })
  expectThat('the acceptance by the courier platform', second.acceptance?.outcome, 'accept')
  narrator.fact(`${courier.name}: accepted; documents sent again: 0`)
}

/**
 * Has a platform make a request and the wallet answer it; answers what came of it. The receipt goes to a file that
 * {@link receiptFile} names.
 */
export async function ask(
  world: World,
  id: 'driver' | 'courier',
  { showConsent, receipt = 'first' }: { showConsent: boolean; receipt?: string },
): Promise<Result> {
  const platform = world[id]
  const env = { CARNET_PLATFORM_KEY: platform.key }
  const at = ['--url', platform.url]
  const made = await mustRun('carnet-verifier', ['request', ...at, '--json'], { env })
  const request = JSON.parse(made) as { request_id: string; authorization_request: string }
  const consent = await present(world, request.authorization_request)
  if (showConsent) for (const line of consent) world.narrator.fact(`| ${line}`)
  await mkdir(join(world.folder, 'receipts'), { recursive: true })
  const file = receiptFile(world, id, receipt)
  const args = ['result', request.request_id, ...at, '--wait', '20', '--receipt', file, '--json']
  const { code, stdout, stderr } = await run('carnet-verifier', args, { env })
  if (code !== 0 && code !== 3)
    throw new DemoError(`carnet-verifier result ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Result
}

/** The file of a receipt. */
export function receiptFile({ folder }: World, id: string, receipt = 'first'): string {
  return join(folder, 'receipts', `${id}-${receipt}.json`)
}

async function verifyReceipt(world: World, id: string): Promise<string[]> {
  const args = ['receipt', 'verify', receiptFile(world, id), '--trust-signer', world.trust.signer]
  return (await mustRun('carnet-verifier', args)).trim().split('\n')
}
