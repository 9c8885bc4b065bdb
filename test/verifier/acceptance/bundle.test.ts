import { expect } from 'chai'
import type { JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import {
  parseReceiptBundle,
  type ReceiptBundle,
  verifyReceiptBundle,
} from '../../../verifier/acceptance/bundle.ts'
import {
  type Receipt,
  signReceipt,
  verifyReceiptSignature,
} from '../../../verifier/acceptance/receipt.ts'
import {
  answerWith,
  type Ecosystem,
  LIST_URI,
  makeEcosystem,
  type Platform,
  startPlatform,
  testTrustList,
} from '../../support/platform.ts'
import { refuses } from '../../support/refusal.ts'

describe('verifyReceiptBundle', () => {
  let ecosystem: Ecosystem
  let driver: Platform
  let bundle: ReceiptBundle

  const bundleOf = async (
    idx: number,
    prepare?: () => Promise<unknown>,
  ): Promise<ReceiptBundle> => {
    const credential = await ecosystem.issue({ idx })
    const { id, link } = await driver.request()
    await prepare?.()
    await answerWith(ecosystem, link, credential)
    const { body } = await driver.call(`/requests/${id}/receipt`)
    return parseReceiptBundle(JSON.stringify(body))
  }
  const verify = (changed: ReceiptBundle) =>
    verifyReceiptBundle(changed, { trustListSignerKeys: [ecosystem.trustListSigner.publicJwk] })
  /** The bundle under a receipt that the verifier itself signed with other words. */
  const resigned = async (change: (receipt: Receipt) => object): Promise<ReceiptBundle> => {
    const { receipt } = verifyReceiptSignature(bundle.receipt, { anchors: ecosystem.anchors })
    const words = { ...receipt, ...change(receipt) } as Receipt
    return { ...bundle, receipt: await signReceipt(words, driver.identity) }
  }

  before(async () => {
    ecosystem = await makeEcosystem()
    driver = await startPlatform(ecosystem)
    bundle = await bundleOf(7)
  })
  after(() => driver.stop())

  it('proves who accepted what, when, and on what grounds, without a network', async () => {
    const { fetches } = ecosystem
    const verified = await verify(bundle)
    expect(verified.acceptance).to.deep.equal({ outcome: 'accept', codes: [] })
    expect(verified.verifier.leaf.sanDns).to.deep.equal(['driver.example'])
    expect(verified.receipt).to.deep.include({ iat: ecosystem.now, iss: driver.clientId })
    expect(verified.policy.id).to.equal('gig-identity')
    expect(verified.presentation.credentials[0]?.status.verdict).to.equal('valid')
    expect(ecosystem.fetches).to.equal(fetches)
  })

  it('holds years later, when every certificate and the trust list have long expired', async () => {
    ecosystem.now += 10 * 365 * 86_400
    expect((await verify(bundle)).acceptance.outcome).to.equal('accept')
    ecosystem.now -= 10 * 365 * 86_400
  })

  it('holds for a refusal, revoked or undetermined', async () => {
    ecosystem.now += 100
    await ecosystem.setStatus(9, 1)
    expect((await verify(await bundleOf(9))).acceptance.codes).to.deep.equal(['revoked'])
    ecosystem.now += 100
    const gone = await bundleOf(10, async () => ecosystem.lists.delete(LIST_URI))
    expect(gone.status_tokens).to.deep.equal([])
    expect((await verify(gone)).acceptance.codes).to.deep.equal(['undetermined'])
    await ecosystem.setStatus(0, 0)
  })

  it('names the entries of the log, which nobody else can open', async () => {
    const { commitments, receipt } = await verify(bundle)
    const logged = driver.db
      .prepare('SELECT entry FROM audit_entry')
      .pluck()
      .all()
      .map((entry) => JSON.parse(String(entry)))
    for (const [type, commitment] of Object.entries(commitments)) {
      expect(logged.filter((entry) => entry.commitment === commitment)).to.deep.equal([
        { type, at: receipt.iat, commitment },
      ])
    }
    const other = Buffer.alloc(32, 1).toString('base64url')
    const opened = await verify({ ...bundle, commitment_key: other })
    expect(opened.commitments).not.to.deep.equal(commitments)
    await refuses('receipt_malformed', () => verify({ ...bundle, commitment_key: 'short' }))
  })

  it('names no claim in the receipt itself', () => {
    const { receipt } = verifyReceiptSignature(bundle.receipt, { anchors: ecosystem.anchors })
    expect(JSON.stringify(receipt)).not.to.match(/Ada|Specimen|UTO|given_name/)
  })

  for (const [part, change, code] of [
    [
      'the presentation',
      (b) => ({ vp_token: { identity: [`${b.vp_token.identity?.[0]}x`] } }),
      'artefact_changed',
    ],
    ['the policy', (b) => ({ policy: { ...b.policy, title: 'Another' } }), 'artefact_changed'],
    [
      'the status list token',
      (b) => ({ status_tokens: [`${b.status_tokens[0]}A`] }),
      'artefact_missing',
    ],
    ['the trust list', (b) => ({ trust_list: `${b.trust_list}A` }), 'trust_list_invalid'],
    ['the receipt', (b) => ({ receipt: `${b.receipt.slice(0, -4)}AAAA` }), 'receipt_signature'],
  ] as [string, (b: ReceiptBundle) => Partial<ReceiptBundle>, string][]) {
    it(`fails when ${part} was changed`, async () => {
      await refuses(code, () => verify({ ...bundle, ...change(bundle) }))
    })
  }

  it('fails under another trust list signer', async () => {
    await refuses('trust_list_invalid', () =>
      verifyReceiptBundle(bundle, {
        trustListSignerKeys: [generateEs256Key().signer.publicJwk],
      }),
    )
    await refuses('trust_list_invalid', () =>
      verifyReceiptBundle(bundle, { trustListSignerKeys: [] }),
    )
  })

  it('fails under a trust list that did not name the verifier’s authority', async () => {
    const trust_list = await testTrustList([ecosystem.attestation], ecosystem.trustListSigner)
    await refuses('receipt_signature', () => verify({ ...bundle, trust_list }))
  })

  it('fails when the verifier signed another outcome than its policy gives', async () => {
    const lie = await resigned(() => ({ acceptance: { outcome: 'refuse', codes: ['under_18'] } }))
    await refuses('acceptance_differs', () => verify(lie))
  })

  it('fails when the verifier signed another verdict than the list gave', async () => {
    const lie = await resigned(({ statuses }) => ({
      statuses: statuses.map((status) => ({ ...status, verdict: 'revoked' })),
    }))
    await refuses('acceptance_differs', () => verify(lie))
  })

  it('fails when the verifier signed another time, nonce or identity', async () => {
    const old = await resigned(({ iat }) => ({ iat: iat - 3600 }))
    await refuses('presentation_invalid', () => verify(old))
    const early = await resigned(({ iat }) => ({ iat: iat - 2 * 86_400 }))
    await refuses('trust_list_invalid', () => verify(early))
    const other = await resigned(() => ({ nonce: 'another' }))
    await refuses('presentation_invalid', () => verify(other))
    const foreign = await resigned(() => ({ iss: `x509_hash:${'A'.repeat(43)}` }))
    await refuses('receipt_malformed', () => verify(foreign))
  })

  it('fails with unknown members or a different type', async () => {
    const more = await resigned(() => ({ note: 'x' }))
    await refuses('receipt_malformed', () => verify(more))
  })
})

describe('parseReceiptBundle', () => {
  for (const text of ['', 'null', '[]', '{}', '{"receipt":1}']) {
    it(`refuses ${text || 'an empty file'}`, async () => {
      await refuses('receipt_malformed', () => parseReceiptBundle(text))
    })
  }

  it('refuses unknown members', async () => {
    const text: JsonObject = {
      receipt: 'r',
      vp_token: {},
      policy: {},
      trust_list: 't',
      status_tokens: [],
      commitment_key: 'k',
      more: 1,
    }
    await refuses('receipt_malformed', () => parseReceiptBundle(JSON.stringify(text)))
  })
})
