import { expect } from 'chai'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import { signTrustList, type TrustList } from '../../shared/trust/trust-list.ts'
import { type TrustListKeeper, trustListKeeper } from '../../verifier/trust-list.ts'
import { NOW, type TestAuthority, testAuthority } from '../support/pki.ts'
import { refuses } from '../support/refusal.ts'

const DAY = 86_400

describe('trustListKeeper', () => {
  const { signer } = generateEs256Key()
  let authority: TestAuthority
  let offered: string
  let kept: string | undefined

  const list = (change: Partial<TrustList> = {}, by = signer): Promise<string> =>
    signTrustList(
      {
        sequence: 1,
        operator: 'Test',
        territory: 'UT',
        issuedAt: NOW - DAY,
        nextUpdate: NOW + DAY,
        entities: [
          {
            name: 'Test',
            services: [
              {
                role: 'attestation',
                name: 'Test',
                status: 'granted',
                from: NOW - 300 * DAY,
                certificates: [Buffer.from(authority.certificate).toString('base64')],
              },
            ],
          },
        ],
        ...change,
      },
      by,
    )
  const open = (signerKey = signer.publicJwk, sandbox = false): Promise<TrustListKeeper> =>
    trustListKeeper({
      sandbox,
      read: async () => offered,
      signerKey,
      store: {
        keepTrustList: async ({ text }) => {
          kept = text
        },
        findTrustList: async () => kept,
      },
    })
  const anchorCount = (keeper: TrustListKeeper, now = NOW): number =>
    keeper.current(now).anchors('attestation', now).length

  before(async () => {
    authority = await testAuthority('attestation')
  })
  beforeEach(async () => {
    kept = undefined
    offered = await list()
  })

  it('trusts nothing before the first list', async () => {
    const keeper = await open()
    await refuses('trust_unavailable', () => keeper.current(NOW))
    await keeper.refresh(NOW)
    expect(anchorCount(keeper)).to.equal(1)
  })

  it('trusts nothing when the next update is overdue', async () => {
    const keeper = await open()
    await keeper.refresh(NOW)
    expect(anchorCount(keeper, NOW + DAY)).to.equal(1)
    await refuses('trust_unavailable', () => keeper.current(NOW + DAY + 1))
  })

  it('takes a newer list, and nobody it has withdrawn', async () => {
    const keeper = await open()
    await keeper.refresh(NOW)
    offered = await list({ sequence: 2, entities: [] })
    await keeper.refresh(NOW)
    expect(anchorCount(keeper)).to.equal(0)
  })

  it('takes no older list, after a restart neither', async () => {
    const older = offered
    offered = await list({ sequence: 2, entities: [] })
    const keeper = await open()
    await keeper.refresh(NOW)
    offered = older
    await refuses('list_invalid', () => keeper.refresh(NOW))
    expect(anchorCount(keeper)).to.equal(0)
    const again = await open()
    expect(anchorCount(again)).to.equal(0)
    await refuses('list_invalid', () => again.refresh(NOW))
  })

  it('keeps what it has when the new list is not signed by the signer', async () => {
    const keeper = await open()
    await keeper.refresh(NOW)
    offered = await list({ sequence: 2, entities: [] }, generateEs256Key().signer)
    await refuses('list_invalid', () => keeper.refresh(NOW))
    expect(anchorCount(keeper)).to.equal(1)
  })

  it('does not take a kept list that another signer signed', async () => {
    await (await open()).refresh(NOW)
    const keeper = await open(generateEs256Key().signer.publicJwk)
    await refuses('trust_unavailable', () => keeper.current(NOW))
  })

  it('keeps a sandbox and what is none apart, over a restart too', async () => {
    kept = undefined
    offered = await list({ sandbox: true })
    const real = await open()
    await refuses('list_invalid', () => real.refresh(NOW))
    expect(kept).to.equal(undefined)
    const sandbox = await open(signer.publicJwk, true)
    await sandbox.refresh(NOW)
    expect(sandbox.current(NOW).jwt).to.equal(offered)
    await refuses('list_invalid', () => open())
    offered = await list({ sequence: 2 })
    await refuses('list_invalid', () => sandbox.refresh(NOW))
  })
})
