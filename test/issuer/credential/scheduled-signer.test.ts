import { expect } from 'chai'
import { scheduledSigner, secondsToNextKey } from '../../../issuer/credential/scheduled-signer.ts'
import { statusPublisher } from '../../../issuer/publication.ts'
import { parseJwt } from '../../../shared/jose/jws.ts'
import type { ScheduledKey } from '../../../shared/key/key-schedule.ts'
import { statusListBytes } from '../../../shared/status-list/bits.ts'
import { createStatusListCache } from '../../../shared/status-list/cache.ts'
import { resolveStatus } from '../../../shared/status-list/resolve.ts'
import { NOW, type TestAuthority, testAuthority } from '../../support/pki.ts'

const DAY = 86_400
const URI = 'https://issuer.example/status/1'
const LIFETIME = 14 * DAY

describe('a signing plan', () => {
  let authority: TestAuthority
  let keys: readonly ScheduledKey[]
  let now = NOW
  const plan = () => ({ keys, lifetime: LIFETIME, clock: () => now })
  const signer = () =>
    scheduledSigner(plan(), {
      anchors: authority.anchors,
      authority: { issuer: 'https://issuer.example', name: 'Issuer', country: 'UT' },
    })
  before(async () => {
    authority = await testAuthority('attestation')
    const older = await authority.leaf({ notAfter: NOW + 30 * DAY })
    const newer = await authority.leaf({ notAfter: NOW + 200 * DAY })
    keys = [
      { signer: older.signer, x5c: older.x5c, activeFrom: 0, notAfter: NOW + 30 * DAY },
      { signer: newer.signer, x5c: newer.x5c, activeFrom: NOW + DAY, notAfter: NOW + 200 * DAY },
    ]
  })
  afterEach(() => {
    now = NOW
  })

  it('signs with the key whose turn it is, and with its chain', () => {
    const plan = signer()
    expect(plan.x5c).to.equal(keys[0]?.x5c)
    now = NOW + DAY
    expect(plan.signer).to.equal(keys[1]?.signer)
    expect(plan.x5c).to.equal(keys[1]?.x5c)
  })

  it('signs nothing that would outlive its certificate, and says beforehand when that will be', () => {
    keys = keys.slice(0, 1)
    const plan = signer()
    expect(secondsToNextKey({ keys, lifetime: LIFETIME, clock: () => now })).to.equal(16 * DAY)
    now = NOW + 16 * DAY
    expect(plan.x5c).to.equal(keys[0]?.x5c)
    now += 1
    expect(() => plan.signer).to.throw('outlives')
    expect(secondsToNextKey({ keys, lifetime: LIFETIME, clock: () => now })).to.equal(-1)
  })

  it('overlaps: a list under the newer key counts for a credential of the older one', async () => {
    const older = await authority.leaf()
    const newer = await authority.leaf()
    keys = [
      { signer: older.signer, x5c: older.x5c, activeFrom: 0, notAfter: NOW + 90 * DAY },
      { signer: newer.signer, x5c: newer.x5c, activeFrom: NOW + DAY, notAfter: NOW + 90 * DAY },
    ]
    const { signToken } = statusPublisher({
      store: {} as never,
      log: {} as never,
      cadence: { intervalSeconds: 300, validitySeconds: 3600 },
      credentialSigner: signer(),
    })
    const list = statusListBytes(16, 2)
    const tokenAt = (at: number) => {
      now = at
      return signToken({ uri: URI, bits: 2, list, iat: at, exp: at + 3600, ttl: 300 })
    }
    expect(parseJwt(await tokenAt(NOW)).header.x5c).to.deep.equal(older.x5c)
    const token = await tokenAt(NOW + DAY)
    expect(parseJwt(token).header.x5c).to.deep.equal(newer.x5c)
    const { verdict } = await resolveStatus(
      { uri: URI, idx: 3 },
      {
        fetchToken: async () => token,
        anchors: authority.anchors,
        now,
        cache: createStatusListCache(),
        maxStalenessSeconds: 3600,
        acceptsSigner: ({ sanUris }) => sanUris.includes('https://issuer.example'),
      },
    )
    expect(verdict).to.equal('valid')
  })
})
