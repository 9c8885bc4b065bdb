import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Narrator } from '../narrator.ts'
import { freePort, mustRun, serve } from '../program.ts'
import type { Platform, World } from '../world.ts'

/** Seconds between publications of the status lists. A deployment has 300. */
const CADENCE = 2
/** Entries of a status list; a deployment has 2^20. */
const LIST_SIZE = 2 ** 17
/** Seconds for which a status list token is good when no newer one can be had. A deployment has 3600. */
const VALIDITY = 6

/** Makes the development PKI, certifies the issuer and two platforms, and starts all three on loopback. */
export async function startEverything(
  narrator: Narrator,
  { folder, faces, servers }: Pick<World, 'folder' | 'faces' | 'servers'>,
): Promise<World> {
  narrator.step('The issuer and two platforms start')
  const pki = join(folder, 'pki')
  await mustRun('carnet-issuer', ['pki', 'init', '--dir', pki])
  narrator.fact(
    'development PKI: an attestation CA, a relying-party access CA, a signed trust list',
  )
  const trust = {
    list: join(pki, 'trust-list.jwt'),
    signer: join(pki, 'trust-list-signer.jwk.json'),
  }
  const [issuer, driver, courier] = await Promise.all([
    prepareIssuer(folder, pki, trust),
    preparePlatform(folder, pki, trust, { id: 'driver', name: 'Example Driver Platform' }),
    preparePlatform(folder, pki, trust, { id: 'courier', name: 'Example Courier Platform' }),
  ])
  const world: World = {
    narrator,
    folder,
    faces,
    issuer,
    driver,
    courier,
    trust,
    wallet: {
      folder: join(folder, 'wallet'),
      passphrase: randomBytes(18).toString('base64url'),
    },
    servers,
  }
  await Promise.all([
    startIssuer(world),
    startPlatform(world, 'driver'),
    startPlatform(world, 'courier'),
  ])
  narrator.fact(`issuer    ${issuer.url}   SQLite in ${join(folder, 'issuer')}`)
  narrator.fact(`driver    ${driver.url}   ${driver.name}`)
  narrator.fact(`courier   ${courier.url}   ${courier.name}`)
  return world
}

/** Starts the issuer on the data that it has. */
export async function startIssuer(world: World): Promise<void> {
  const { url, config } = world.issuer
  world.servers.set('issuer', await serve('carnet-issuer', ['serve', '--config', config], url))
}

async function startPlatform(world: World, id: 'driver' | 'courier'): Promise<void> {
  const { url, config } = world[id]
  world.servers.set(id, await serve('carnet-verifier', ['serve', '--config', config], url))
}

async function prepareIssuer(
  folder: string,
  pki: string,
  trust: World['trust'],
): Promise<World['issuer']> {
  const home = join(folder, 'issuer')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = join(home, 'config.json')
  await certify(pki, { role: 'attestation', name: 'Example Issuer', url, out: home })
  await mustRun('carnet-issuer', ['keys', 'log', '--out', join(home, 'log-key.pem')])
  await writeConfig(config, {
    baseUrl: url,
    listen: { host: '127.0.0.1', port },
    database: join(home, 'issuer.sqlite'),
    authority: { name: 'Example Issuer', country: 'UT' },
    attestation: { key: join(home, 'key.pem'), chain: join(home, 'chain.pem') },
    logKey: join(home, 'log-key.pem'),
    trustList: { file: trust.list, signer: trust.signer },
    status: { intervalSeconds: CADENCE, validitySeconds: VALIDITY, listSize: LIST_SIZE },
    logLevel: 'warn',
  })
  const key = async (role: string, name: string) => {
    const args = ['keys', 'add', '--config', config, '--role', role, '--name', name]
    return (await mustRun('carnet-issuer', args)).trim()
  }
  const operatorKey = await key('operator', 'olga')
  const reviewerKey = await key('reviewer', 'ada')
  const logKey = (await mustRun('carnet-issuer', ['keys', 'vkey', '--config', config])).trim()
  return { url, config, operatorKey, reviewerKey, logKey }
}

async function preparePlatform(
  folder: string,
  pki: string,
  trust: World['trust'],
  { id, name }: { id: string; name: string },
): Promise<Platform> {
  const home = join(folder, id)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = join(home, 'config.json')
  await certify(pki, { role: 'relying-party-access', name, url, out: home })
  await mustRun('carnet-verifier', ['keys', 'log', '--out', join(home, 'log-key.pem')])
  const made = await mustRun('carnet-verifier', ['keys', 'api'])
  const [, key = ''] = /^key\s+(\S+)/m.exec(made) ?? []
  const [, sha256 = ''] = /^sha256\s+(\S+)/m.exec(made) ?? []
  await writeConfig(config, {
    baseUrl: url,
    listen: { host: '127.0.0.1', port },
    database: join(home, 'verifier.sqlite'),
    access: { key: join(home, 'key.pem'), chain: join(home, 'chain.pem') },
    trustList: { source: trust.list, signer: trust.signer },
    logKey: join(home, 'log-key.pem'),
    apiKeys: [{ name: `${id}-backend`, sha256 }],
    allowPrivateNetworks: true,
    logLevel: 'warn',
  })
  return { name, url, config, key }
}

async function certify(
  pki: string,
  { role, name, url, out }: { role: string; name: string; url: string; out: string },
): Promise<void> {
  await mkdir(out, { recursive: true })
  const subject = ['--name', name, '--uri', url, '--dns', '127.0.0.1']
  await mustRun('carnet-issuer', [
    'pki',
    'certify',
    '--dir',
    pki,
    '--role',
    role,
    ...subject,
    '--out',
    out,
  ])
}

async function writeConfig(path: string, config: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 })
}
