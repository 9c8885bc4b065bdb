import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { WORKER } from '../../../demo/specimen/holders.ts'
import { zoneLines } from '../../../demo/specimen/zone.ts'
import { renderEvidenceCodes } from '../../../evaluation/evidence-codes.ts'
import { collectEvidence } from '../../../issuer/evidence/collect.ts'
import { interpretDocument } from '../../../issuer/evidence/document/document-evidence.ts'
import { LICENCE_CODES } from '../../../issuer/evidence/document/document-rules.ts'
import { interpretAamva } from '../../../issuer/evidence/document/interpret-aamva.ts'
import { interpretLicence } from '../../../issuer/evidence/document/interpret-licence.ts'
import { interpretSides } from '../../../issuer/evidence/document/interpret-sides.ts'
import { layoutOf, parseMrz } from '../../../issuer/evidence/document/mrz.ts'
import type { SideReading } from '../../../issuer/evidence/document/read-document.ts'
import { seenWarnings } from '../../../issuer/evidence/document/seen-documents.ts'
import { SIGN_LIMITS, withSigns } from '../../../issuer/evidence/document/signs/signs.ts'
import type { VisualLine } from '../../../issuer/evidence/document/visual-zone.ts'
import {
  SIGN_NAMES,
  type Sign,
  type SignName,
  WARNING_CODES,
  type WarningCode,
} from '../../../issuer/evidence/evidence.ts'
import type { FrameReading } from '../../../issuer/evidence/face/clip.ts'
import { faceWarnings } from '../../../issuer/evidence/face/face-book.ts'
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
  eyeContrast: 0.18,
  mouthContrast: 15,
  mouthTint: 6,
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

function scoreCodes(scores: {
  match?: number
  liveness?: number
  frames?: readonly FrameReading[]
}): readonly WarningCode[] {
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
    portraitMatch: { threshold: 2, review: -0.27 },
    liveness: { threshold: 0.45, review: 0.25 },
  }
  const { document, warnings } = interpretDocument(side(TD3), NOW)
  const portrait = new Map([['one', Float32Array.of(1)]])
  const face = new Map([['one', Float32Array.of(match)]])
  const evidence = collectEvidence(collector, {
    document: {
      side: { kind: 'zone', ...side(TD3) },
      signs: [],
      document,
      portrait,
      quality: GOOD,
      warnings,
    },
    selfie: {
      face,
      quality: GOOD,
      liveness,
      warnings: [],
      ...(scores.frames ? { frames: scores.frames } : {}),
    },
    now: NOW,
  })
  return evidence.warnings.map(({ code }) => code)
}

/** Frames of a face that moves within itself, each with light of its own. */
function clip(change: (frame: FrameReading, index: number) => FrameReading): FrameReading[] {
  return [0, 1, 2, 3].map((index) =>
    change(
      {
        face: new Map([['one', Float32Array.of(3)]]),
        liveness: 0.9,
        shape: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i * 7 + (i % 3) * index)),
        trace: Uint8Array.from({ length: 100 }, (_, i) => (i * 37 + index * 11) % 256),
      },
      index,
    ),
  )
}

/** Printed lines as if read twice alike; each begins in a column of its own row. */
function print(texts: readonly string[], confirmed = true): readonly VisualLine[] {
  return texts.map((text, row) => ({
    text,
    confidence: 0.98,
    confirmed,
    box: { cx: 400, cy: 100 + 50 * row, width: 20 * text.length, height: 30, angle: 0 },
  }))
}

const LICENCE = [
  '1. MARTIN',
  '2. JONAS',
  '3. 12.08.1974',
  '4a. 16.04.2021',
  '4b. 15.04.2031',
  '5. L898902C3',
  '9. B',
]

/** The table with one row of dates. */
function table(code: string, issued: string, expires: string): readonly VisualLine[] {
  const cell = (text: string, x: number, row: number): VisualLine => ({
    text,
    confidence: 0.98,
    confirmed: true,
    box: { cx: x, cy: 100 + 30 * row, width: 12 * text.length, height: 22, angle: 0 },
  })
  const at = LICENCE_CODES.indexOf(code as (typeof LICENCE_CODES)[number])
  return [
    ...LICENCE_CODES.map((each, row) => cell(each, 300, row)),
    cell(issued, 500, at),
    cell(expires, 680, at),
  ]
}

const codesOf = ({ warnings }: { warnings: readonly { code: WarningCode }[] }) =>
  warnings.map(({ code }) => code)
const licenceCodes = (back?: readonly VisualLine[]) =>
  codesOf(interpretLicence({ front: print(LICENCE), ...(back ? { back } : {}) }, NOW))
const AAMVA_FRONT = [
  '1 MARTIN',
  '2 JONAS',
  '3 DOB 08/12/1974',
  '4b EXP 04/15/2031',
  '4d DLN L898902C3',
]
const aamvaCodes = (encoded: { family_name: string; birthdate: string; document_number: string }) =>
  codesOf(
    interpretAamva(
      {
        front: print(AAMVA_FRONT),
        barcode: { version: 9, issuer: '636999', subfile: 'DL', country: 'USA', ...encoded },
      },
      NOW,
    ),
  )
const card = (front: readonly string[]) =>
  codesOf(
    interpretSides(
      {
        front: { kind: 'printed', printed: print(front) },
        back: { kind: 'zone', ...side(zoneLines('TD1', WORKER)) },
      },
      NOW,
    ),
  )

/** The codes that a document gets for one sign; pictures that raise each are in signs.test.ts. */
function signCodes(name: SignName, value = SIGN_LIMITS[name]): readonly WarningCode[] {
  const limit = SIGN_LIMITS[name]
  const sign: Sign = { name, side: 'front', value, limit, assurance: 'not_assured' }
  return codesOf(withSigns(interpretDocument(side(TD3), NOW), [sign]))
}

const RAISED: Readonly<Record<WarningCode, () => readonly WarningCode[]>> = {
  mrz_check_digit_wrong: () => documentCodes(side(replaced('740812', '740813'))),
  mrz_uncertain: () => documentCodes(side(TD3, { second: replaced('SPECIMEN', 'SPEC1MBN') })),
  mrz_name_truncated: () =>
    documentCodes(
      side(zoneLines('TD3', { ...WORKER, givenNames: 'JONAS EMIL KONSTANTIN LEOPOLD' })),
    ),
  mrz_repaired: () => documentCodes(side(TD3, { repaired: true })),
  zones_differ: () => documentCodes(side(TD3, { printed: ['Surname', 'SOMEBODY ELSE'] })),
  document_expired: () => documentCodes(side(TD3), NOW + 6 * 366 * 86_400),
  document_type_not_accepted: () => documentCodes(side(zoneLines('MRVA', WORKER))),
  document_date_impossible: () => documentCodes(side(replaced('740812', '741312'))),
  country_unknown: () => documentCodes(side(replaced('P<UTO', 'P<ZZZ'))),
  print_uncertain: () => licenceCodes(table('B', '14.09.92', '15.04.31')),
  barcode_differs: () =>
    aamvaCodes({ family_name: 'MARTIN', birthdate: '1984-08-12', document_number: 'L898902C3' }),
  document_side_missing: () => licenceCodes(),
  sides_differ: () => licenceCodes(table('C', '14.09.02', '15.04.26')),
  sides_not_linked: () => card(['Identity card', 'Given names', 'Surname']),
  driving_rule_broken: () => licenceCodes(table('B', '14.09.82', '15.04.31')),
  screen_recapture_suspected: () => signCodes('screen_recapture'),
  printed_copy_suspected: () => signCodes('printed_copy'),
  portrait_replaced_suspected: () => signCodes('portrait_replaced'),
  text_edited_suspected: () => signCodes('text_edited'),
  layout_inconsistent_suspected: () => signCodes('layout_inconsistent'),
  document_seen_with_other_data: () =>
    seenWarnings({ document: true, portrait: false }).map(({ code }) => code),
  portrait_seen_with_other_data: () =>
    seenWarnings({ document: false, portrait: true }).map(({ code }) => code),
  portrait_quality_low: () =>
    qualityWarnings('portrait_quality_low', { ...GOOD, eyeDistance: 40 }).map(({ code }) => code),
  selfie_quality_low: () =>
    qualityWarnings('selfie_quality_low', { ...GOOD, yaw: 50 }).map(({ code }) => code),
  face_match_low: () => scoreCodes({ match: -3 }),
  face_match_review: () => scoreCodes({ match: 1 }),
  liveness_low: () => scoreCodes({ liveness: 0.1 }),
  liveness_review: () => scoreCodes({ liveness: 0.3 }),
  clip_frames_repeated: () =>
    scoreCodes({ frames: clip((frame) => ({ ...frame, trace: new Uint8Array(100) })) }),
  clip_person_differs: () =>
    scoreCodes({
      frames: clip((frame, index) =>
        index === 2 ? { ...frame, face: new Map([['one', Float32Array.of(0.1)]]) } : frame,
      ),
    }),
  clip_without_motion: () =>
    scoreCodes({
      frames: clip((frame, index) => ({
        ...frame,
        shape: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i * 7) * (1 + index / 10)),
      })),
    }),
  clip_liveness_low: () => scoreCodes({ frames: clip((frame) => ({ ...frame, liveness: 0.3 })) }),
  duplicate_suspected: () =>
    faceWarnings({ hits: [{ list: 'seen', id: 'x', value: 0.8, sameData: false }] }).map(
      ({ code }) => code,
    ),
  face_on_blocklist: () =>
    faceWarnings({ hits: [{ list: 'blocklist', id: 'x', value: 0.8, sameData: false }] }).map(
      ({ code }) => code,
    ),
}

const FAULTY: Readonly<Record<QualityFault, Partial<FaceQuality>>> = {
  face_too_small: { eyeDistance: 59 },
  face_turned: { yaw: -31 },
  face_too_dark: { brightness: 40 },
  face_too_bright: { brightness: 240 },
  face_flat: { contrast: 8 },
  face_blurred: { sharpness: 0.001 },
  face_eyes_covered: { eyeContrast: 0.02 },
  face_mouth_covered: { mouthContrast: 1 },
}

describe('the codes of evidence', () => {
  for (const code of WARNING_CODES) {
    it(`raises ${code}`, () => {
      expect(RAISED[code]()).to.include(code)
    })
  }

  it('raises none for a sign below its limit', () => {
    for (const name of SIGN_NAMES) {
      expect(signCodes(name, SIGN_LIMITS[name] - 0.001)).to.not.include(`${name}_suspected`)
    }
  })

  it('raises no other for a licence whose sides agree than that print alone proves nothing', () => {
    expect(licenceCodes(table('B', '14.09.92', '15.04.31'))).to.deep.equal([
      'print_uncertain',
      'country_unknown',
    ])
  })

  it('raises none for a good document and a good score', () => {
    const printed = ['MARTIN SPECIMEN', 'JONAS EMIL', 'L898902C3', '12.08.74', '15.04.31']
    expect(documentCodes(side(TD3, { printed }))).to.deep.equal([])
    expect(scoreCodes({})).to.deep.equal([])
    expect(scoreCodes({ frames: clip((frame) => frame) })).to.deep.equal([])
    expect(qualityWarnings('selfie_quality_low', GOOD)).to.deep.equal([])
  })

  for (const fault of QUALITY_FAULTS) {
    it(`finds ${fault}`, () => {
      expect(qualityFaults({ ...GOOD, ...FAULTY[fault] })).to.deep.equal([fault])
    })
  }

  it('says nothing of a covered face of a portrait, which printed lines may look like', () => {
    const covered = { ...GOOD, eyeContrast: 0.02, mouthTint: 40 }
    expect(qualityFaults(covered)).to.deep.equal(['face_eyes_covered', 'face_mouth_covered'])
    expect(qualityWarnings('portrait_quality_low', covered)).to.deep.equal([])
  })

  it('are all in docs/evidence-codes.md: run npm run evidence-codes', () => {
    const written = readFileSync(join(packageRoot, 'docs/evidence-codes.md'), 'utf8')
    expect(written).to.equal(renderEvidenceCodes())
  })
})
