import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { modelManifest, supplyFiles } from '../issuer/evidence/model-supply.ts'
import { type Narrator, narrator } from './narrator.ts'
import { demoFaces } from './specimen/faces.ts'
import { auditTheList } from './steps/audit.ts'
import { decideOnTheOthers, decideOnTheWorker } from './steps/decide.ts'
import { issueToTheWallet } from './steps/issue.ts'
import { presentToBoth } from './steps/present.ts'
import { revokeAndRefuse } from './steps/revoke.ts'
import { startEverything } from './steps/start.ts'
import type { World } from './world.ts'

const USAGE = `npm run demo [-- --serve]

Carries one worker through the whole journey with the real programs, on this machine alone.
  --serve   leave everything running at the end and print the addresses; Control-C stops it`

/** 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    serve: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) print(USAGE)
else process.exit(await tell(values.serve))

/** Tells the story; answers the exit status. Whatever happens, what was started is stopped and the folder removed. */
async function tell(serve: boolean): Promise<number> {
  const started = performance.now()
  const elapsed = () => performance.now() - started
  const folder = await mkdtemp(join(tmpdir(), 'carnet-demo-'))
  const servers: World['servers'] = new Map()
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => resolve('stopped'))
  })
  try {
    const told = await Promise.race([tellSteps(narrator(print, elapsed), folder, servers), stopped])
    if (told === 'stopped') return INTERRUPTED
    print(`\ndone after ${(elapsed() / 1000).toFixed(1)} s`)
    if (serve) {
      printAddresses(told)
      await stopped
    }
    return 0
  } catch (error) {
    process.stderr.write(`\ndemo: ${(error as Error).message}\n`)
    return 1
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function tellSteps(
  story: Narrator,
  folder: string,
  servers: World['servers'],
): Promise<World> {
  const report = (line: string) => print(`waiting for models and pictures: ${line}`)
  await supplyFiles(modelManifest, { report })
  const faces = await demoFaces({ report })
  const world = await startEverything(story, { folder, faces, servers })
  const approved = await decideOnTheWorker(world)
  await decideOnTheOthers(world)
  await issueToTheWallet(world, approved)
  await presentToBoth(world)
  await revokeAndRefuse(world, approved.view.session_id)
  await auditTheList(world)
  return world
}

function printAddresses({ issuer, driver, courier, wallet, folder }: World): void {
  print('\neverything is left running; Control-C stops it and removes the folder')
  print(`  folder    ${folder}`)
  print(`  issuer    ${issuer.url}   CARNET_OPERATOR_KEY=${issuer.operatorKey}`)
  print(`            CARNET_REVIEWER_KEY=${issuer.reviewerKey}`)
  print(`            log key ${issuer.logKey}`)
  print(`  driver    ${driver.url}   CARNET_PLATFORM_KEY=${driver.key}`)
  print(`  courier   ${courier.url}   CARNET_PLATFORM_KEY=${courier.key}`)
  print(`  wallet    --vault ${wallet.folder}   CARNET_WALLET_PASSPHRASE=${wallet.passphrase}`)
}
