import { expect } from 'chai'
import fc from 'fast-check'
import { decide } from '../../../issuer/decision/decide.ts'
import { readStoredWorkflow, readWorkflow } from '../../../issuer/decision/read-workflow.ts'
import { NOT_ASSURED_CODES, SCORE_CODES } from '../../../issuer/decision/workflow.ts'
import { type Evidence, WARNING_CODES } from '../../../issuer/evidence/evidence.ts'
import type { Screening } from '../../../issuer/screening/screen.ts'
import { evidenceWith } from '../../support/evidence.ts'
import { ALL_DOCUMENTS_TEXT, WORKFLOW_TEXT } from '../../support/issuer.ts'

const now = 1_782_864_000
const published = readWorkflow(WORKFLOW_TEXT)
const clear: Screening = {
  algorithm: 'test',
  screenedAt: now,
  threshold: 0.8,
  lists: [{ id: 'list', version: '1', sha256: '', entries: 4 }],
  compared: ['name', 'birthdate'],
  hits: [],
}
const hit = { list: 'list', entry: 'e', programme: 'p', score: 0.99, features: [] }

function decideWith(changes: Parameters<typeof evidenceWith>[0] = {}, screening = clear, at = now) {
  return decide(evidenceWith(changes), screening, published, at)
}

describe('decide', () => {
  it('approves good evidence, without codes, under the version of its workflow', () => {
    expect(decideWith()).to.deep.equal({
      outcome: 'approve',
      codes: [],
      workflow: published.reference,
      decidedAt: now,
    })
  })

  it('rejects an altered MRZ digit with its code, also where the pipeline did not warn', () => {
    const checkDigits = [{ field: 'birth_date' as const, valid: false }]
    const decision = decideWith({ document: { checkDigits } })
    expect(decision).to.deep.include({ outcome: 'reject', codes: ['mrz_check_digit_wrong'] })
  })

  it('refers another person’s selfie and never rejects it', () => {
    expect(decideWith({ faceMatch: 0.1 })).to.deep.include({
      outcome: 'refer',
      codes: ['face_match_low'],
    })
    expect(decideWith({ faceMatch: 0.5 })).to.deep.include({
      outcome: 'refer',
      codes: ['face_match_review'],
    })
    expect(decideWith({ faceMatch: Number.NaN }).outcome).to.equal('refer')
  })

  it('lets a sign that is not assured refer, whatever the workflow says, and its absence settle nothing', () => {
    const sign = {
      name: 'portrait_replaced',
      side: 'front',
      value: 3,
      limit: 1,
      assurance: 'not_assured',
    } as const
    const codes = ['portrait_replaced_suspected'] as const
    expect(decideWith({ document: { signs: [sign] } })).to.deep.include({ outcome: 'refer', codes })
    const unbounded = { ...sign, value: Number.NaN }
    expect(decideWith({ document: { signs: [unbounded] } }).outcome).to.equal('refer')
    const strict = {
      ...published,
      workflow: {
        ...published.workflow,
        severities: {
          ...published.workflow.severities,
          ...Object.fromEntries(NOT_ASSURED_CODES.map((code) => [code, 'reject'])),
        },
      },
    } as typeof published
    const decided = (changes: Parameters<typeof evidenceWith>[0]) =>
      decide(evidenceWith(changes), clear, strict, now)
    for (const code of NOT_ASSURED_CODES) {
      const warnings = [{ code, feature: 'document' }] as Evidence['warnings']
      expect(decided({ warnings }).outcome).to.equal('refer')
    }
    const low = { ...sign, value: 0 }
    expect(decided({ document: { signs: [low] }, faceMatch: 0.1 }).outcome).to.equal('refer')
    expect(decided({ document: { signs: [low] } }).outcome).to.equal('approve')
  })

  it('refers a list hit to a person', () => {
    const decision = decideWith({}, { ...clear, hits: [hit] })
    expect(decision).to.deep.include({ outcome: 'refer', codes: ['screening_hit'] })
  })

  it('refers where nothing could be screened: no name, no list', () => {
    expect(decideWith({}, { ...clear, compared: [] }).codes).to.include('screening_impossible')
    expect(decideWith({}, { ...clear, lists: [] }).codes).to.include('screening_impossible')
  })

  it('takes a document to the end of its last day everywhere, and no longer', () => {
    const fields = { date_of_expiry: '2026-07-01' }
    const endOfDay = now + 36 * 3600
    expect(decideWith({ fields }, clear, endOfDay - 1).outcome).to.equal('approve')
    expect(decideWith({ fields }, clear, endOfDay)).to.deep.include({
      outcome: 'reject',
      codes: ['document_expired'],
    })
    expect(decideWith({ fields: { date_of_expiry: 'soon' } }).outcome).to.equal('reject')
  })

  it('refers a missing field, a repaired or uncertain reading, and rejects another document type', () => {
    expect(decideWith({ fields: { birthdate: undefined } }).codes).to.include('field_missing')
    expect(decideWith({ document: { repaired: true } }).codes).to.include('mrz_repaired')
    expect(decideWith({ document: { reading: 'uncertain' } }).codes).to.include('reading_uncertain')
    expect(decideWith({ document: { type: 'TD1' } }).outcome).to.equal('reject')
  })

  it('takes cards and licences under a workflow that names them, and a person looks at print alone', () => {
    const all = readWorkflow(ALL_DOCUMENTS_TEXT)
    const outcome = (document: Partial<Evidence['document']>) =>
      decide(evidenceWith({ document, fields: { nationality: undefined } }), clear, all, now)
    for (const type of ['TD1', 'TD2', 'TD3', 'AAMVA_DL', 'AAMVA_ID'] as const) {
      expect(outcome({ type }).outcome).to.equal('approve')
    }
    expect(outcome({ type: 'EU_DL', reading: 'uncertain' })).to.deep.include({
      outcome: 'refer',
      codes: ['reading_uncertain'],
    })
    expect(outcome({ type: 'MRVA' }).outcome).to.equal('reject')
  })

  it('gives the codes that reject before those that refer their weight', () => {
    const warnings = [{ code: 'document_expired', feature: 'document' } as const]
    const decision = decideWith({ faceMatch: 0.1, warnings })
    expect(decision).to.deep.include({
      outcome: 'reject',
      codes: ['document_expired', 'face_match_low'],
    })
  })

  it('never rejects for scores alone, and gives the same decision for the same inputs', () => {
    const scores = fc.double({ min: -10, max: 10, noNaN: false })
    const codes = fc.subarray(WARNING_CODES.filter((code) => SCORE_CODES.includes(code)))
    fc.assert(
      fc.property(scores, scores, codes, fc.boolean(), (faceMatch, liveness, chosen, isHit) => {
        const warnings = chosen.map((code) => ({ code, feature: 'face' as const }))
        const screening = isHit ? { ...clear, hits: [hit] } : clear
        const decision = decideWith({ faceMatch, liveness, warnings }, screening)
        expect(decision.outcome).to.not.equal('reject')
        expect(decideWith({ faceMatch, liveness, warnings }, screening)).to.deep.equal(decision)
      }),
    )
  })
})

describe('readWorkflow', () => {
  const value = JSON.parse(WORKFLOW_TEXT)
  const codeOf = (changes: object): string => {
    try {
      readWorkflow(JSON.stringify({ ...value, ...changes }))
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  it('gives the same reference for the same content and another for another', () => {
    const again = readWorkflow(JSON.stringify(value, undefined, 7))
    expect(again.reference).to.deep.equal(published.reference)
    const other = readWorkflow(JSON.stringify({ ...value, version: 2 }))
    expect(other.reference.sha256).to.not.equal(published.reference.sha256)
  })

  it('cannot say that a score or a hit rejects', () => {
    for (const code of SCORE_CODES) {
      const severities = { ...value.severities, [code]: 'reject' }
      expect(codeOf({ severities }), code).to.equal('config_invalid')
    }
    const severities = { ...value.severities, mrz_uncertain: 'reject' }
    expect(codeOf({ severities })).to.equal('accepted')
  })

  it('of an earlier program still decides its sessions: a code that it did not know goes to a person', () => {
    const { zones_differ, ...fewer } = value.severities
    const old = readStoredWorkflow(JSON.stringify({ ...value, severities: fewer }))
    expect(old.workflow.severities.zones_differ).to.equal('refer')
    expect(old.workflow.severities.document_expired).to.equal('reject')
    expect(old.reference.sha256).to.not.equal(published.reference.sha256)
    expect(JSON.parse(old.text).severities).to.not.have.property('zones_differ')
  })

  it('must give every code a severity and may not invent one', () => {
    const { screening_hit, ...fewer } = value.severities
    expect(codeOf({ severities: fewer })).to.equal('config_invalid')
    expect(codeOf({ severities: { ...value.severities, new_code: 'note' } })).to.equal(
      'config_invalid',
    )
    expect(codeOf({ later: true })).to.equal('config_invalid')
  })
})
