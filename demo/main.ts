import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { narrator } from './narrator.ts'
import type { Server } from './program.ts'
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

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const { values } = parseArgs({
  options: {
    serve: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) print(USAGE)
else await tell(values.serve)

async function tell(serve: boolean): Promise<void> {
  const started = performance.now()
  const story = narrator(print, () => performance.now() - started)
  const folder = await mkdtemp(join(tmpdir(), 'carnet-demo-'))
  let servers: ReadonlyMap<string, Server> = new Map()
  const stopAll = async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const faces = await demoFaces({
      report: (line) => print(`waiting for models and pictures: ${line}`),
    })
    const world = await startEverything(story, folder, faces)
    servers = world.servers
    const approved = await decideOnTheWorker(world)
    await decideOnTheOthers(world)
    await issueToTheWallet(world, approved)
    await presentToBoth(world)
    await revokeAndRefuse(world, approved.view.session_id)
    await auditTheList(world)
    print(`\ndone after ${((performance.now() - started) / 1000).toFixed(1)} s`)
    if (serve) await serveUntilStopped(world)
  } finally {
    await stopAll()
  }
}

async function serveUntilStopped(world: World): Promise<void> {
  const { issuer, driver, courier, wallet, folder } = world
  print('\neverything is left running; Control-C stops it and removes the folder')
  print(`  folder    ${folder}`)
  print(`  issuer    ${issuer.url}   CARNET_OPERATOR_KEY=${issuer.operatorKey}`)
  print(`            CARNET_REVIEWER_KEY=${issuer.reviewerKey}`)
  print(`            log key ${issuer.logKey}`)
  print(`  driver    ${driver.url}   CARNET_PLATFORM_KEY=${driver.key}`)
  print(`  courier   ${courier.url}   CARNET_PLATFORM_KEY=${courier.key}`)
  print(`  wallet    --vault ${wallet.folder}   CARNET_WALLET_PASSPHRASE=${wallet.passphrase}`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}
