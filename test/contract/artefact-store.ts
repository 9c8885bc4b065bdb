import { expect } from 'chai'
import type { ArtefactStore } from '../../issuer/oid4vci/artefact-store.ts'

/** Two handles on one empty database, and a way to put an offer into it. */
export interface ArtefactStoreFixture {
  readonly first: ArtefactStore
  readonly second: ArtefactStore
  offer(codeSha256: string, attempts: number, expiresAt: number): Promise<void>
  close(): Promise<void>
}

const NOW = 1_800_000_000

/** The promises of {@link ArtefactStore}, to be kept by every adapter. */
export function artefactStoreContract(
  name: string,
  open: () => Promise<ArtefactStoreFixture>,
): void {
  describe(`ArtefactStore, ${name}`, () => {
    let fixture: ArtefactStoreFixture
    let first: ArtefactStore
    let second: ArtefactStore
    beforeEach(async () => {
      fixture = await open()
      ;({ first, second } = fixture)
    })
    afterEach(() => fixture.close())

    const artefact = (key: string, changes: object = {}) => ({
      model: 'PreAuthorizedCode',
      key,
      payload: { accountId: 'a' },
      grantId: undefined,
      expiresAt: NOW + 60,
      ...changes,
    })

    it('finds what was put, and for five minutes after it expired', async () => {
      await first.put(artefact('k'))
      expect(await second.find('PreAuthorizedCode', 'k', NOW)).to.deep.equal({
        payload: { accountId: 'a' },
        consumedAt: undefined,
      })
      expect(await second.find('PreAuthorizedCode', 'k', NOW + 359)).to.not.equal(undefined)
      expect(await second.find('PreAuthorizedCode', 'k', NOW + 360)).to.equal(undefined)
      expect(await second.find('AccessToken', 'k', NOW)).to.equal(undefined)
    })

    it('consumes once, also for two that come at once', async () => {
      await first.put(artefact('k'))
      const outcomes = await Promise.all([
        first.consume('PreAuthorizedCode', 'k', NOW),
        second.consume('PreAuthorizedCode', 'k', NOW + 1),
      ])
      expect(outcomes).to.have.members([true, false])
      const consumedAt = outcomes[0] ? NOW : NOW + 1
      expect(await second.find('PreAuthorizedCode', 'k', NOW)).to.include({ consumedAt })
      expect(await first.consume('PreAuthorizedCode', 'nothing', NOW)).to.equal(false)
    })

    it('puts once until it expires', async () => {
      const replay = artefact('jti', { model: 'ReplayDetection' })
      expect(await first.putOnce(replay, NOW)).to.equal(true)
      expect(await second.putOnce(replay, NOW + 59)).to.equal(false)
      expect(await second.putOnce({ ...replay, expiresAt: NOW + 120 }, NOW + 60)).to.equal(true)
    })

    it('puts a token only while its grant is there', async () => {
      const token = { ...artefact('t', { model: 'AccessToken' }), grantId: 'g' }
      expect(await first.putIfGranted(token)).to.equal(false)
      await first.put(artefact('g', { model: 'Grant' }))
      expect(await second.putIfGranted(token)).to.equal(true)
      await second.revokeGrant('AccessToken', 'g')
      expect(await first.find('AccessToken', 't', NOW)).to.equal(undefined)
      await first.destroy('Grant', 'g')
      expect(await second.putIfGranted(token)).to.equal(false)
    })

    it('counts every attempt before it tells the digest, and tells it five times', async () => {
      await fixture.offer('code', 5, NOW + 60)
      const attempts = await Promise.all(
        Array.from({ length: 8 }, (_unused, at) =>
          (at % 2 === 0 ? first : second).countAttempt('code', NOW),
        ),
      )
      expect(attempts.filter((digest) => digest === 'tx')).to.have.length(5)
      expect(await first.countAttempt('code', NOW)).to.equal(undefined)
    })

    it('counts nothing for an offer that has expired or never was', async () => {
      await fixture.offer('code', 5, NOW)
      expect(await first.countAttempt('code', NOW)).to.equal(undefined)
      expect(await first.countAttempt('nothing', NOW)).to.equal(undefined)
    })
  })
}
