import { sha256Hex } from '../../shared/hash.ts'
import { Problem } from '../../shared/problem.ts'
import type { Evidence } from '../evidence/evidence.ts'
import type { FaceQuality } from '../evidence/face/quality.ts'
import type { DocumentReading, EvidencePipeline, SelfieReading } from '../evidence/pipeline.ts'
import {
  SANDBOX_PEOPLE,
  type SandboxPerson,
  sandboxDocumentNumber,
  sandboxEvidence,
} from './people.ts'

/** Begins the version of every sandbox; no pipeline of networks has such a one. */
const VERSION_PREFIX = 'sandbox/'

/** The names of the pictures that a sandbox takes, as they lie in `issuer/sandbox/pictures`. */
export const SANDBOX_PICTURES: readonly string[] = [
  ...SANDBOX_PEOPLE.map((person) => `document-${person}.png`),
  'selfie.png',
]

const GOOD: FaceQuality = {
  ...{ eyeDistance: 200, yaw: 0, pitch: 0, brightness: 128, contrast: 50, sharpness: 1 },
  ...{ eyeContrast: 1, mouthContrast: 50, mouthTint: 0 },
}

/** Whether a pipeline, by its version, was that of a sandbox. */
export function isSandboxPipeline(version: unknown): boolean {
  return typeof version === 'string' && version.startsWith(VERSION_PREFIX)
}

/**
 * Stands for the networks in a sandbox: it takes the pictures that come with the program and no other, so that no real
 * person's document or face is ever read there, and answers what was written down for the person whom they stand for.
 * `pictures` has their bytes by name.
 */
export function sandboxPipeline(pictures: ReadonlyMap<string, Uint8Array>): EvidencePipeline {
  const byDigest = new Map([...pictures].map(([name, bytes]) => [sha256Hex(bytes), name]))
  const nameOf = (upload: Uint8Array): string => byDigest.get(sha256Hex(upload)) ?? ''
  const readFace = async (upload: Uint8Array): Promise<SelfieReading> => {
    if (nameOf(upload) !== 'selfie.png') {
      throw new Problem(
        'face_not_found',
        'a sandbox takes issuer/sandbox/pictures/selfie.png alone',
      )
    }
    return { face: new Map(), quality: GOOD, liveness: 1, warnings: [] }
  }
  const side = { kind: 'printed', printed: [] } as const
  return {
    version: `${VERSION_PREFIX}1`,
    models: [],
    searchModel: undefined,
    readDocument: async (upload, _now, turn) => {
      turn?.onStart?.()
      const [, found] = /^document-(\w+)\.png$/.exec(nameOf(upload)) ?? []
      const person = SANDBOX_PEOPLE.find((each) => each === found)
      if (person === undefined) throw notOurs()
      const { document } = sandboxEvidence(person)
      return { side, signs: [], document, portrait: new Map(), quality: GOOD, warnings: [] }
    },
    readDocumentBack: async () => {
      throw notOurs()
    },
    readSelfie: async (upload, turn) => {
      turn?.onStart?.()
      return readFace(upload)
    },
    readFrame: async () => {
      throw new Problem('face_not_found', 'a sandbox takes no clip')
    },
    readPortrait: readFace,
    matchPortrait: () => sandboxEvidence('approved').faceMatch,
    collect: (document, _selfie, now): Evidence => ({
      ...sandboxEvidence(personOf(document)),
      pipeline: `${VERSION_PREFIX}1`,
      collectedAt: now,
    }),
    close: async () => undefined,
  }
}

function personOf({ document }: DocumentReading): SandboxPerson {
  const number = document.fields.document_number?.value
  const person = SANDBOX_PEOPLE.find((each) => sandboxDocumentNumber(each) === number)
  if (person === undefined) throw new Error('a reading of a sandbox is of nobody')
  return person
}

function notOurs(): Problem {
  const names = SANDBOX_PEOPLE.map((person) => `document-${person}.png`).join(', ')
  return new Problem(
    'document_not_found',
    `a sandbox takes one of issuer/sandbox/pictures: ${names}`,
  )
}
