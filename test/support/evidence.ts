import type { Evidence, Field, FieldName, Score } from '../../issuer/evidence/evidence.ts'
import type { EvidencePipeline, SelfieReading } from '../../issuer/evidence/pipeline.ts'
import { Problem } from '../../shared/problem.ts'

/** 2026-07-01T00:00:00Z. */
const COLLECTED_AT = 1_782_864_000

const field = (value: string): Field => ({ value, source: 'mrz', confidence: 0.99 })

const score = (value: number, assurance: Score['assurance']): Score => ({
  value,
  threshold: 0.6,
  review: 0.4,
  models: ['fixture-model'],
  assurance,
})

const FIELDS: Readonly<Record<FieldName, string>> = {
  family_name: 'MUSTERFRAU',
  given_name: 'ERIKA',
  birthdate: '1990-02-28',
  sex: 'F',
  nationality: 'UTO',
  document_number: 'L898902C3',
  issuing_country: 'UTO',
  date_of_expiry: '2031-04-15',
  personal_administrative_number: '',
  place_of_birth: '',
  date_of_issue: '',
  issuing_authority: '',
  resident_address: '',
}

/** Evidence of a good session, with some of it changed. Fields that are set to `undefined` were not read. */
export function evidenceWith(
  changes: {
    fields?: Partial<Record<FieldName, string | undefined>>
    document?: Partial<Evidence['document']>
    faceMatch?: number
    liveness?: number
    warnings?: Evidence['warnings']
    collectedAt?: number
  } = {},
): Evidence {
  const values = { ...FIELDS, ...changes.fields }
  const fields: Partial<Record<FieldName, Field>> = {}
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') fields[name as FieldName] = field(value)
  }
  return {
    pipeline: 'fixture/1',
    collectedAt: changes.collectedAt ?? COLLECTED_AT,
    models: [{ id: 'fixture-model', sha256: '00'.repeat(32) }],
    document: {
      type: 'TD3',
      reading: 'ok',
      repaired: false,
      fields,
      checkDigits: [
        { field: 'document_number', valid: true },
        { field: 'birth_date', valid: true },
        { field: 'expiry_date', valid: true },
        { field: 'composite', valid: true },
      ],
      ...changes.document,
    },
    faceMatch: score(changes.faceMatch ?? 0.9, 'measured'),
    liveness: score(changes.liveness ?? 0.9, 'not_assured'),
    warnings: changes.warnings ?? [],
    notAssured: [],
  }
}

/**
 * Readings without networks, for tests of what happens around them: an image is the text `ok` followed by anything, or
 * the code of the problem that it causes. What `collect` answers can be changed at any time through `evidence`.
 */
export function fixturePipeline(): EvidencePipeline & { evidence: Evidence } {
  const quality = {
    eyeDistance: 120,
    yaw: 0,
    pitch: 0,
    brightness: 120,
    contrast: 40,
    sharpness: 1,
    eyeContrast: 0.2,
    mouthContrast: 15,
    mouthTint: 5,
  } as SelfieReading['quality']
  const read = (upload: Uint8Array): void => {
    const text = Buffer.from(upload).toString()
    if (!text.startsWith('ok')) {
      throw new Problem(text as ConstructorParameters<typeof Problem>[0], 'send another image')
    }
  }
  const template = new Map([['fixture-model', new Float32Array(4)]])
  const pipeline = {
    version: 'fixture/1',
    models: [],
    searchModel: { id: 'fixture-model', sha256: '00'.repeat(32) },
    evidence: evidenceWith(),
    readDocument: async (upload: Uint8Array) => {
      read(upload)
      const { document } = pipeline.evidence
      const side = { kind: 'printed', printed: [] } as const
      return { side, signs: [], document, portrait: template, quality, warnings: [] }
    },
    readDocumentBack: async (upload: Uint8Array) => {
      read(upload)
      return { side: { kind: 'printed', printed: [] } as const, signs: [], warnings: [] }
    },
    readSelfie: async (upload: Uint8Array) => {
      read(upload)
      return { face: template, quality, liveness: 0.9, warnings: [] }
    },
    readFrame: async (upload: Uint8Array) => {
      read(upload)
      return { face: template, liveness: 0.9, shape: new Float32Array(2), trace: upload }
    },
    readPortrait: async (upload: Uint8Array) => {
      read(upload)
      return { face: template, quality }
    },
    matchPortrait: () => score(0.9, 'measured'),
    collect: (_document: unknown, _selfie: unknown, now: number): Evidence => ({
      ...pipeline.evidence,
      collectedAt: now,
    }),
    close: async () => undefined,
  }
  return pipeline
}
