import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type PeerIssuer, peerIssuer } from '../support/peer-issuer.ts'
import { type PeerVerifier, peerVerifier } from '../support/peer-verifier.ts'
import { type ServedFetch, serveFetch } from '../support/serve-fetch.ts'
import { startWallet, type WalletProcess } from '../support/wallet-process.ts'

describe('carnet-wallet, killed (SIGKILL) when a request arrives', function () {
  this.timeout(60_000)
  let folder: string
  let issuerServer: ServedFetch
  let verifierServers: ServedFetch[]
  let issuer: PeerIssuer
  let driver: PeerVerifier
  let courier: PeerVerifier
  let running: WalletProcess | undefined
  const now = Math.floor(Date.now() / 1000)

  const start = (...argv: string[]) => {
    running = startWallet(['--allow-loopback', ...argv], {
      CARNET_WALLET: join(folder, 'vault'),
      CARNET_WALLET_PASSPHRASE: 'specimen passphrase',
    })
    return running.ended
  }
  const kill = () => running?.child.kill('SIGKILL')
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'carnet-killed-'))
    issuerServer = await serveFetch()
    verifierServers = [await serveFetch(), await serveFetch()]
    issuer = await peerIssuer({ origin: issuerServer.origin, now })
    issuerServer.answerWith(issuer.fetch)
    const peers = await Promise.all(
      verifierServers.map(async (server) => {
        const peer = await peerVerifier(issuer.accessAuthority, {
          host: '127.0.0.1',
          origin: server.origin,
          now,
        })
        server.answerWith(peer.fetch)
        return peer
      }),
    )
    ;[driver, courier] = peers as [PeerVerifier, PeerVerifier]
    const { status } = await start(
      'init',
      '--work-factor',
      '10',
      '--trust-list',
      file('list.jwt', issuer.trustList),
      '--trust-signer',
      file('signer.json', JSON.stringify(issuer.trustSigner)),
    )
    expect(status).to.equal(0)
  })
  after(async () => {
    await Promise.all([issuerServer, ...verifierServers].map((server) => server.close()))
    rmSync(folder, { recursive: true })
  })

  it('goes on from each step of receive with one start more, and stores one credential', async () => {
    let kills = 0
    for (const path of ['/nonce', '/credential']) {
      issuer.faults.before = (asked) => {
        if (asked !== path) return undefined
        kill()
        kills += 1
        return 'no answer'
      }
      const code = ['--tx-code', issuer.txCode]
      const argv = kills === 0 ? ['receive', issuer.offer, ...code] : ['receive']
      expect((await start(...argv)).status, path).to.equal(undefined)
    }
    expect(kills).to.equal(2)
    issuer.faults.before = () => undefined
    const { status, out } = await start('receive')
    expect(status).to.equal(0)
    expect(out).to.match(/^received .* 2 copies\n/)
    expect((await start('list', '--json')).out.trim().split('\n')).to.have.lengthOf(1)
  })

  it('never shows a copy to a second verifier after it may have arrived at the first', async () => {
    driver.faults.answer = () => {
      kill()
      return 'no answer'
    }
    expect((await start('present', driver.link, '--yes')).status).to.equal(undefined)
    expect((await start('journal')).out).to.match(/may have shown to \(interrupted\)/)
    driver.faults.answer = () => Response.json({})
    expect((await start('present', courier.link, '--yes')).status).to.equal(0)
    expect((await start('present', driver.link, '--yes')).status).to.equal(0)
    const [first, again] = driver.arrived.map(issuerJwt)
    expect(again).to.equal(first)
    expect(courier.arrived.map(issuerJwt)).not.to.include(first)
  })

  it('leaves files that only their owner reads', () => {
    for (const name of ['', 'key.age', 'vault.sqlite']) {
      expect(statSync(join(folder, 'vault', name)).mode & 0o077, name).to.equal(0)
    }
  })
})

function issuerJwt({ presentations }: PeerVerifier['arrived'][number]): string | undefined {
  return presentations?.identity?.[0]?.split('~')[0]
}
