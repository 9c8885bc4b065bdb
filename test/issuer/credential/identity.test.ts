import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { alpha2Of } from '../../../issuer/credential/country.ts'
import { IDENTITY_VCT, identityContent, validityOf } from '../../../issuer/credential/identity.ts'
import {
  type CredentialSigner,
  IssuanceMismatch,
  issueCopies,
} from '../../../issuer/credential/issue.ts'
import { fetchOwnType } from '../../../issuer/credential/type-metadata.ts'
import { type Approval, redeemApproval } from '../../../issuer/decision/approval.ts'
import { decide } from '../../../issuer/decision/decide.ts'
import { readWorkflow } from '../../../issuer/decision/read-workflow.ts'
import { screen } from '../../../issuer/screening/screen.ts'
import { readWatchlist } from '../../../issuer/screening/watchlist.ts'
import type { IssuanceIntent } from '../../../issuer/store.ts'
import { parseJwt } from '../../../shared/jose/jws.ts'
import type { JsonObject } from '../../../shared/json.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'
import { parseSdJwt } from '../../../shared/sd-jwt/parse.ts'
import { holdSdJwt } from '../../../shared/sd-jwt/present.ts'
import { resolveTypeMetadata } from '../../../shared/sd-jwt/type-metadata.ts'
import { verifySdJwtVc } from '../../../shared/sd-jwt/vc.ts'
import { evidenceWith } from '../../support/evidence.ts'
import { failureOf } from '../../support/failure.ts'
import { ALL_DOCUMENTS_TEXT, WATCHLIST_FILE, WORKFLOW_TEXT } from '../../support/issuer.ts'
import { NOW, testAuthority } from '../../support/pki.ts'

const DAY = 86_400
const authority = { issuer: 'https://issuer.example', name: 'Example issuer', country: 'UT' }
const holderKeys = [generateEs256Key().signer.publicJwk, generateEs256Key().signer.publicJwk]
const intent: IssuanceIntent = {
  issuanceId: 'i',
  attempt: 1,
  keys: ['a', 'b'],
  statuses: [
    { uri: 'https://issuer.example/status/AAAAAAAAAAAAAAAAAAAAAA', idx: 17 },
    { uri: 'https://issuer.example/status/BBBBBBBBBBBBBBBBBBBBBB', idx: 923_456 },
  ],
  seed: new Uint8Array(32).fill(7),
  issuedAt: NOW,
  expiresAt: NOW + 14 * DAY,
}

async function approvalOf(
  changes: Parameters<typeof evidenceWith>[0] = {},
  workflowText = WORKFLOW_TEXT,
): Promise<Approval> {
  const published = readWorkflow(workflowText)
  const evidence = evidenceWith(changes)
  const lists = [readWatchlist(readFileSync(WATCHLIST_FILE))]
  const screening = screen(evidence, lists, { threshold: 0.8, now: NOW })
  const decision = decide(evidence, screening, published, NOW)
  const { workflow } = published
  const record = { sessionId: 's', evidence, screening, decision, review: undefined, workflow }
  return (await redeemApproval(async () => record)) as Approval
}

async function signerOf(): Promise<CredentialSigner> {
  const ca = await testAuthority('attestation')
  const { signer, x5c } = await ca.leaf()
  return { signer, x5c, anchors: ca.anchors, authority }
}

const NEVER = ['iss', 'iat', 'exp', 'vct', 'cnf', 'status']

describe('identityContent', () => {
  const content = async (...given: Parameters<typeof approvalOf>) =>
    identityContent(await approvalOf(...given), {
      authority,
      holderKey: holderKeys[0] as (typeof holderKeys)[number],
      status: intent.statuses[0] as (typeof intent.statuses)[number],
      issuedAt: NOW,
      expiresAt: NOW + 14 * DAY,
    })

  it('says who the person is in PID names, how that was verified, and no score', async () => {
    const { claims } = await content()
    expect(claims).to.deep.include({
      iss: authority.issuer,
      vct: IDENTITY_VCT,
      family_name: 'MUSTERFRAU',
      given_name: 'ERIKA',
      birthdate: '1990-02-28',
      sex: 2,
      nationalities: ['QU'],
      age_equal_or_over: { 16: true, 18: true, 19: true, 21: true },
      document: {
        type: 'passport',
        issuing_country: 'QU',
        number: 'L898902C3',
        date_of_expiry: '2031-04-15',
      },
    })
    expect(JSON.stringify(claims)).to.not.contain('0.9')
  })

  it('carries both status shapes in one object (Token Status List §6.2, ETSI TS 119 472-1)', async () => {
    const { claims } = await content()
    const uri = intent.statuses[0]?.uri
    expect(claims.status).to.deep.equal({
      status_list: { uri, idx: 17 },
      type: 'TokenStatusList',
      purpose: 'revocation',
      index: 17,
      uri,
    })
  })

  it('hides everything but iss, iat, exp, vct, cnf and status', async () => {
    const { claims, disclosable } = await content()
    const hidden = new Set(disclosable.map(([name]) => name))
    const clear = Object.keys(claims).filter((name) => !hidden.has(name))
    expect(clear.sort()).to.deep.equal(['cnf', 'exp', 'iat', 'iss', 'status', 'vct'])
    expect(disclosable).to.deep.include(['age_equal_or_over', '18'])
    expect(disclosable).to.deep.include(['document', 'number'])
  })

  it('says what a driving licence shows, and that it shows no nationality', async () => {
    const changes = {
      document: { type: 'EU_DL' },
      fields: { nationality: undefined, sex: '1' },
    } as const
    const { claims } = await content(changes, ALL_DOCUMENTS_TEXT)
    expect(claims).to.deep.include({ nationalities: ['QU'], sex: 1 })
    expect(claims.document).to.include({ type: 'driving_licence' })
    expect(claims.verification).to.include({ document: 'print' })
  })

  it('has the same number of claims for everybody', async () => {
    const [one, other] = [await content(), await content({ fields: { sex: undefined } })]
    expect(one.disclosable).to.deep.equal(other.disclosable)
    expect(other.claims.sex).to.equal(0)
  })

  it('turns an age on the birthday itself and not the day before', async () => {
    const ages = async (birthdate: string) =>
      (await content({ fields: { birthdate } })).claims.age_equal_or_over as JsonObject
    expect((await ages('2008-07-01'))['18']).to.equal(true)
    expect((await ages('2008-07-02'))['18']).to.equal(false)
    expect((await ages('2004-02-29'))['21']).to.equal(true)
  })
})

describe('validityOf', () => {
  it('is whole days, fourteen of them, and ends with the document', async () => {
    expect(validityOf(await approvalOf(), NOW + 3601)).to.deep.equal({
      issuedAt: NOW,
      expiresAt: NOW + 14 * DAY,
    })
    const ending = await approvalOf({ fields: { date_of_expiry: '2026-07-03' } })
    expect(validityOf(ending, NOW)?.expiresAt).to.equal(NOW + 3 * DAY)
    expect(validityOf(ending, NOW + 3 * DAY)).to.equal(undefined)
  })
})

describe('issueCopies', () => {
  it('signs a copy for each key that a verifier accepts whole', async () => {
    const credentialSigner = await signerOf()
    const approval = await approvalOf()
    const copies = await issueCopies(approval, intent, holderKeys, { credentialSigner, now: NOW })
    for (const [index, copy] of copies.entries()) {
      const { claims, holderKey, status } = verifySdJwtVc(copy, {
        anchors: credentialSigner.anchors,
        now: NOW,
        expectedVcts: [IDENTITY_VCT],
        keyBinding: 'not_required',
      })
      expect(claims.family_name).to.equal('MUSTERFRAU')
      expect(holderKey).to.deep.equal(holderKeys[index])
      expect(status).to.deep.equal(intent.statuses[index])
    }
  })

  it('shares no value of more than 32 bits between two copies but issuer chain, vct and coarse dates', async () => {
    const credentialSigner = await signerOf()
    const copies = await issueCopies(await approvalOf(), intent, holderKeys, {
      credentialSigner,
      now: NOW,
    })
    const [one, other] = copies.map((copy) => {
      const { issuerJwt, disclosures } = parseSdJwt(copy)
      const { header, payload } = parseJwt(issuerJwt)
      const { x5c, ...rest } = header
      expect(x5c).to.deep.equal(credentialSigner.x5c)
      return leaves({ header: rest, payload, signature: issuerJwt.split('.')[2], disclosures })
    }) as [string[], string[]]
    const shared = one.filter((leaf) => other.includes(leaf))
    // What is left is the same for everybody that this issuer ever issues to on that day, or a word of a standard.
    const allowed = [
      'header.alg=ES256',
      'header.typ=dc+sd-jwt',
      `payload.iss=${authority.issuer}`,
      `payload.vct=${IDENTITY_VCT}`,
      `payload.iat=${NOW}`,
      `payload.exp=${NOW + 14 * DAY}`,
      'payload.cnf.jwk.kty=EC',
      'payload.cnf.jwk.crv=P-256',
      'payload._sd_alg=sha-256',
      'payload.status.type=TokenStatusList',
      'payload.status.purpose=revocation',
    ]
    expect(shared.filter((leaf) => !allowed.includes(leaf))).to.deep.equal([])
    expect(NOW % DAY).to.equal(0)
  })

  it('gives the same digests again for the same intent, and others for another attempt', async () => {
    const credentialSigner = await signerOf()
    const approval = await approvalOf()
    const digests = async (changed: Partial<IssuanceIntent>) => {
      const again = { ...intent, ...changed }
      const copies = await issueCopies(approval, again, holderKeys, { credentialSigner, now: NOW })
      return copies.map((copy) => parseSdJwt(copy).disclosures)
    }
    const first = await digests({})
    expect(await digests({})).to.deep.equal(first)
    const later = await digests({ attempt: 2 })
    expect(later.flat().filter((disclosure) => first.flat().includes(disclosure))).to.deep.equal([])
  })

  it('lets nothing leave that a verifier would refuse', async () => {
    const approval = await approvalOf()
    const honest = await signerOf()
    const other = await signerOf()
    for (const credentialSigner of [
      { ...honest, signer: other.signer },
      { ...honest, anchors: other.anchors },
      { ...honest, authority: { ...authority, issuer: 'https://other.example' } },
    ]) {
      const work = issueCopies(approval, intent, holderKeys, { credentialSigner, now: NOW })
      expect(await failureOf(work)).to.be.instanceOf(IssuanceMismatch)
    }
  })

  it('is what the published type says, every claim of it (SD-JWT VC §9)', async () => {
    const credentialSigner = await signerOf()
    const copies = await issueCopies(await approvalOf(), intent, holderKeys, {
      credentialSigner,
      now: NOW,
    })
    const { claims, placed } = holdSdJwt(copies[0] as string)
    const metadata = await resolveTypeMetadata(IDENTITY_VCT, { fetchMetadata: fetchOwnType })
    const described = metadata.claims.map(({ path }) => path.join('.'))
    const disclosable = placed.map(({ path }) => path.join('.'))
    const clear = Object.keys(claims).filter((name) => NEVER.includes(name))
    expect(described).to.have.members([...clear, ...disclosable])
  })

  it('signs nothing without an approval, nor for more or fewer keys than there are statuses', async () => {
    const credentialSigner = await signerOf()
    const approval = await approvalOf()
    const forged = { ...approval } as Approval
    for (const work of [
      issueCopies(forged, intent, holderKeys, { credentialSigner, now: NOW }),
      issueCopies(approval, intent, holderKeys.slice(1), { credentialSigner, now: NOW }),
    ]) {
      expect(await failureOf(work)).to.be.instanceOf(IssuanceMismatch)
    }
  })
})

describe('alpha2Of', () => {
  it('knows ISO 3166-1 and what ICAO adds, and says QU for what names no state', () => {
    expect(['DEU', 'D', 'GBN', 'LVA', 'XXA', 'UTO', 'XXB', 'UNO'].map(alpha2Of)).to.deep.equal([
      'DE',
      'DE',
      'GB',
      'LV',
      'QS',
      'QU',
      'QU',
      'QU',
    ])
  })
})

/** Every value with its path; array elements without their place. */
function leaves(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((element) => leaves(element, path))
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) =>
      leaves(inner, path === '' ? name : `${path}.${name}`),
    )
  }
  return [`${path}=${String(value)}`]
}
