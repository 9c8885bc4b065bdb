import { expect } from 'chai'
import { NOW } from '../support/pki.ts'
import { type Ecosystem, makeEcosystem, type Platform, startPlatform } from '../support/platform.ts'
import { postgresDatabase } from '../support/postgres.ts'
import { type TestWallet, testWallet } from '../support/wallet.ts'

const VCT = 'urn:carnet:identity:1'

const ENGINES = [
  ['SQLite', async () => ':memory:'],
  ['PostgreSQL', postgresDatabase],
] as const

for (const [engine, database] of ENGINES) {
  describe(`a worker shows a credential to our verifiers on ${engine}`, () => {
    let ecosystem: Ecosystem
    let driver: Platform
    let courier: Platform
    let wallet: TestWallet

    before(async () => {
      ecosystem = await makeEcosystem()
      driver = await startPlatform(ecosystem, { name: 'driver', database: await database() })
      courier = await startPlatform(ecosystem, { name: 'courier', database: await database() })
    })
    after(async () => {
      await driver.stop()
      await courier.stop()
    })
    beforeEach(async () => {
      wallet = testWallet({ now: NOW, fetch })
      await wallet.init({
        trustList: ecosystem.trustList,
        trustSigner: ecosystem.trustListSigner.publicJwk,
      })
      await wallet.look(async (vault) => {
        const offer = {
          issuer: 'https://issuer.example',
          issuerName: 'Carnet test',
          configurationId: 'identity',
          vct: VCT,
          preAuthorizedCode: 'code',
        }
        const issuance = await vault.beginIssuance(offer, 2, NOW)
        const copies = await Promise.all(
          issuance.holderKeys.map(async (holder, copy) => ({
            compact: (await ecosystem.issue({ holder, idx: 10 + copy })).sdJwt,
            holderKey: holder.publicJwk,
          })),
        )
        const { issuer, issuerName } = offer
        await vault.completeIssuance(issuance.id, { issuer, issuerName, vct: VCT, copies }, NOW)
      })
    })
    afterEach(() => wallet.dispose())

    const result = async (platform: Platform, id: string) =>
      (await platform.call(`/requests/${id}`)).body

    it('once to each platform, which both accept, with nothing sent again', async () => {
      for (const platform of [driver, courier]) {
        const { id, link } = await platform.request()
        const { status, err } = await wallet.run(['present', link, '--yes'])
        expect(status, err).to.equal(0)
        expect(await result(platform, id)).to.deep.include({
          state: 'answered',
          acceptance: { outcome: 'accept', codes: [] },
        })
      }
      const held = await wallet.look((vault) => vault.credentials())
      const verifiers = held[0]?.copies.map(({ verifier }) => verifier)
      expect(new Set(verifiers)).to.deep.equal(new Set([driver.clientId, courier.clientId]))
    })

    it('after reading who asks and why on the screen', async () => {
      const { link } = await driver.request()
      const { err } = await wallet.run(['present', link], [false])
      expect(err).to.match(/^Carnet test \(driver\.example\) asks you to show something\.\n/)
      expect(err).to.match(/They say why: “To know who works under this account/)
      expect(err).to.match(/ {2}- 18 or older: yes\n/)
    })

    it('or not: the platform learns that there will be no answer, and not why', async () => {
      const refused = await driver.request()
      await wallet.run(['present', refused.link], [false])
      await wallet.run([
        'forget',
        JSON.parse((await wallet.run(['list', '--json'])).out).id,
        '--yes',
      ])
      const absent = await driver.request()
      expect((await wallet.run(['present', absent.link, '--yes'])).status).to.equal(8)
      const [first, second] = await Promise.all([
        result(driver, refused.id),
        result(driver, absent.id),
      ])
      const { request_id: _1, ...told } = first as Record<string, unknown>
      const { request_id: _2, ...toldAgain } = second as Record<string, unknown>
      expect(JSON.stringify(told)).to.match(/access_denied/)
      expect(told).to.deep.equal(toldAgain)
    })

    it('and not twice to one request: the second answer is not taken', async () => {
      const { link } = await driver.request()
      expect((await wallet.run(['present', link, '--yes'])).status).to.equal(0)
      const { status, err } = await wallet.run(['present', link, '--yes'])
      expect(status).to.equal(7)
      expect(err).to.match(/carnet-wallet: .*HTTP 4/)
    })
  })
}
