import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { WORKER } from '../../../demo/specimen/holders.ts'
import { zoneLines } from '../../../demo/specimen/zone.ts'
import { renderEvidenceCodes } from '../../../evaluation/evidence-codes.ts'
import { collectEvidence } from '../../../issuer/evidence/collect.ts'
import { interpretDocument } from '../../../issuer/evidence/document/document-evidence.ts'
import { layoutOf, parseMrz } from '../../../issuer/evidence/document/mrz.ts'
import type { SideReading } from '../../../issuer/evidence/document/read-document.ts'
import { WARNING_CODES, type WarningCode } from '../../../issuer/evidence/evidence.ts'
import { duplicateWarnings } from '../../../issuer/evidence/face/duplicate-index.ts'
import {
  type FaceQuality,
  QUALITY_FAULTS,
  type QualityFault,
  qualityFaults,
} from '../../../issuer/evidence/face/quality.ts'
import { qualityWarnings } from '../../../issuer/evidence/read-images.ts'
import { packageRoot } from '../../../shared/package-root.ts'

const NOW = 1_790_000_000
const GOOD: FaceQuality = {
  eyeDistance: 110,
  yaw: 3,
  pitch: -4,
  brightness: 130,
  contrast: 40,
  sharpness: 0.1,
}

/** A zone as if both recognisers had read these lines without doubt. */
function side(
  lines: readonly string[],
  changes: { second?: readonly string[]; repaired?: boolean; printed?: readonly string[] } = {},
): SideReading {
  const layout = layoutOf(lines)
  if (!layout) throw new Error('no layout')
  const { second = lines, repaired = false, printed = [] } = changes
  return {
    zone: {
      mrz: parseMrz(lines, layout),
      positions: lines.map((line, row) =>
        [...line].map((value, column) => ({
          value,
          probability: 0.99,
          repaired: repaired && row === 0 && column === 2,
          second: second[row]?.[column],
          open: 0,
        })),
      ),
      boxes: [],
    },
    printed: printed.map((text, row) => ({
      text,
      confidence: 0.98,
      box: { cx: 200, cy: 100 + 20 * row, width: 300, height: 16, angle: 0 },
    })),
  }
}

const TD3 = zoneLines('TD3', WORKER)
const documentCodes = (reading: SideReading, now = NOW) =>
  interpretDocument(reading, now).warnings.map(({ code }) => code)
const replaced = (from: string, to: string) => TD3.map((line) => line.replace(from, to))

function scoreCodes(scores: { match?: number; liveness?: number }): readonly WarningCode[] {
  const { match = 3, liveness = 0.9 } = scores
  const embedding = {
    template: 'arcface-112',
    mirror: 'unit-sum',
    metric: 'cosine',
    centre: 0,
    spread: 1,
  } as const
  const collector = {
    version: 'test',
    models: [],
    matchModels: [{ id: 'one', embedding }],
    livenessModels: [],
    faceMatch: { threshold: 2, review: -0.27 },
    liveness: { threshold: 0.45, review: 0.25 },
  }
  const { document, warnings } = interpretDocument(side(TD3), NOW)
  const portrait = new Map([['one', Float32Array.of(1)]])
  const face = new Map([['one', Float32Array.of(match)]])
  const evidence = collectEvidence(collector, {
    document: { document, portrait, quality: GOOD, warnings },
    selfie: { face, quality: GOOD, liveness, warnings: [] },
    now: NOW,
  })
  return evidence.warnings.map(({ code }) => code)
}

const RAISED: Readonly<Record<WarningCode, () => readonly WarningCode[]>> = {
  mrz_check_digit_wrong: () => documentCodes(side(replaced('740812', '740813'))),
  mrz_uncertain: () => documentCodes(side(TD3, { second: replaced('SPECIMEN', 'SPEC1MBN') })),
  mrz_repaired: () => documentCodes(side(TD3, { repaired: true })),
  zones_differ: () => documentCodes(side(TD3, { printed: ['Surname', 'SOMEBODY ELSE'] })),
  document_expired: () => documentCodes(side(TD3), NOW + 6 * 366 * 86_400),
  document_type_not_accepted: () => documentCodes(side(zoneLines('TD2', WORKER))),
  document_date_impossible: () => documentCodes(side(replaced('740812', '741312'))),
  country_unknown: () => documentCodes(side(replaced('P<UTO', 'P<ZZZ'))),
  portrait_quality_low: () =>
    qualityWarnings('portrait_quality_low', { ...GOOD, eyeDistance: 40 }).map(({ code }) => code),
  selfie_quality_low: () =>
    qualityWarnings('selfie_quality_low', { ...GOOD, yaw: 50 }).map(({ code }) => code),
  face_match_low: () => scoreCodes({ match: -3 }),
  face_match_review: () => scoreCodes({ match: 1 }),
  liveness_low: () => scoreCodes({ liveness: 0.1 }),
  liveness_review: () => scoreCodes({ liveness: 0.3 }),
  duplicate_suspected: () =>
    duplicateWarnings([{ id: 'x', similarity: 0.8 }]).map(({ code }) => code),
}

const FAULTY: Readonly<Record<QualityFault, Partial<FaceQuality>>> = {
  face_too_small: { eyeDistance: 59 },
  face_turned: { yaw: -31 },
  face_too_dark: { brightness: 40 },
  face_too_bright: { brightness: 240 },
  face_flat: { contrast: 8 },
  face_blurred: { sharpness: 0.001 },
}

describe('the codes of evidence', () => {
  for (const code of WARNING_CODES) {
    it(`raises ${code}`, () => {
      expect(RAISED[code]()).to.include(code)
    })
  }

  it('raises none for a good document and a good score', () => {
    const printed = ['MARTIN SPECIMEN', 'JONAS EMIL', 'L898902C3', '12.08.74', '15.04.31']
    expect(documentCodes(side(TD3, { printed }))).to.deep.equal([])
    expect(scoreCodes({})).to.deep.equal([])
    expect(qualityWarnings('selfie_quality_low', GOOD)).to.deep.equal([])
  })

  for (const fault of QUALITY_FAULTS) {
    it(`finds ${fault}`, () => {
      expect(qualityFaults({ ...GOOD, ...FAULTY[fault] })).to.deep.equal([fault])
    })
  }

  it('are all in docs/evidence-codes.md: run npm run evidence-codes', () => {
    const written = readFileSync(join(packageRoot, 'docs/evidence-codes.md'), 'utf8')
    expect(written).to.equal(renderEvidenceCodes())
  })
})
