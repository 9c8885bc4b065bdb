import { type Ended, mustRun, run } from '../program.ts'
import type { World } from '../world.ts'

/** Runs a command of the worker's wallet. @throws Error with its own words when it fails */
export async function wallet(world: World, args: readonly string[]): Promise<string> {
  return mustRun('carnet-wallet', [...where(world), ...args], { env: unlocked(world) })
}

/** Runs a command of the worker's wallet that may fail. */
export async function tryWallet(world: World, args: readonly string[]): Promise<Ended> {
  return run('carnet-wallet', [...where(world), ...args], { env: unlocked(world) })
}

/** Answers a request, having agreed beforehand; the lines of the consent screen. */
export async function present(world: World, link: string): Promise<string[]> {
  const { code, stderr } = await tryWallet(world, ['present', link, '--yes'])
  if (code !== 0) throw new Error(`carnet-wallet present ended with ${code}:\n${stderr}`)
  return stderr.trim().split('\n')
}

function where({ wallet: { folder } }: World): string[] {
  return ['--vault', folder, '--allow-loopback']
}

function unlocked({ wallet: { passphrase } }: World): Record<string, string> {
  return { CARNET_WALLET_PASSPHRASE: passphrase }
}
