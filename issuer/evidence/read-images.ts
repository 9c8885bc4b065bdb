import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import { parseAamva } from './document/aamva.ts'
import { readBarcodesOf } from './document/barcode.zxing.ts'
import { interpretDocument } from './document/document-evidence.ts'
import { readSide } from './document/read-document.ts'
import type { MrzModels } from './document/read-mrz.ts'
import type { Warning } from './evidence.ts'
import { detectFaces, type FaceBox } from './face/detect.ts'
import { embedFace } from './face/embed.ts'
import { findLandmarks, type Landmarks } from './face/landmarks.ts'
import { livenessOf, type PresentationModels } from './face/liveness.ts'
import { type FaceQuality, measureQuality, qualityFaults } from './face/quality.ts'
import type { Image } from './image.ts'
import type { Model } from './model.ts'
import type { DocumentReading, SelfieReading } from './pipeline.ts'

/** The networks that read a face. */
export interface FaceModels {
  readonly detector: Model
  readonly mesh: Model
  readonly embeddings: readonly Model[]
  /** Left out with networks of undocumented origin. */
  readonly presentation?: PresentationModels
}

/** The networks of the pipeline, opened. */
export interface EvidenceModels {
  readonly faces: FaceModels
  readonly mrz: MrzModels
}

/** A second face of less than this share of the first is a bystander. */
const BYSTANDER = 0.35
const SURE_FACE = 0.5
const SHOW_ZONE = 'show the whole page with the lines of < signs, flat, sharp and without glare'
const SHOW_PASSPORT = 'this is a driving licence or identity card of North America: show a passport'
const SHOW_PORTRAIT = 'show the whole page with the portrait, without glare'
const LOOK_STRAIGHT = 'look straight into the camera in good light'

/** Reads both zones and the portrait of a decoded document. */
export async function readDocumentImage(
  { mrz, faces }: EvidenceModels,
  image: Image,
  now: NumericDate,
): Promise<DocumentReading> {
  const side = await readSide(mrz, image)
  if (!side) throw new Problem('mrz_not_found', await remedyWithoutZone(image))
  const { document, warnings } = interpretDocument(side, now)
  const [face] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', SHOW_PORTRAIT)
  const { template, quality } = await readFace(faces, image, { face, remedy: SHOW_PORTRAIT })
  return {
    document,
    portrait: template,
    quality,
    warnings: [...warnings, ...qualityWarnings('portrait_quality_low', quality)],
  }
}

/** A card that says by its barcode what it is gets a better answer than to be held flat. */
async function remedyWithoutZone(image: Image): Promise<string> {
  const codes = await readBarcodesOf(image)
  return codes.some(({ text }) => parseAamva(text)) ? SHOW_PASSPORT : SHOW_ZONE
}

/** Reads the one face of a decoded selfie. */
export async function readSelfieImage(faces: FaceModels, image: Image): Promise<SelfieReading> {
  const [face, second] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', LOOK_STRAIGHT)
  if (second && second.width > BYSTANDER * face.width) {
    throw new Problem('face_multiple', 'take the picture alone')
  }
  const { template, quality } = await readFace(faces, image, { face, remedy: LOOK_STRAIGHT })
  return {
    face: template,
    quality,
    liveness: faces.presentation ? await livenessOf(faces.presentation, image, face) : 0,
    warnings: qualityWarnings('selfie_quality_low', quality),
  }
}

/** The warning that a picture's faults give, each named in `detail`. */
export function qualityWarnings(code: Warning['code'], quality: FaceQuality): readonly Warning[] {
  const detail = qualityFaults(quality)
  return detail.length > 0 ? [{ code, feature: 'face', detail }] : []
}

async function readFace(
  faces: FaceModels,
  image: Image,
  { face, remedy }: { face: FaceBox; remedy: string },
) {
  const landmarks = await findLandmarks(faces.mesh, image, face)
  assertFace(landmarks, remedy)
  const template = await embedFace(faces.embeddings, image, landmarks.points)
  return { template, quality: measureQuality(image, landmarks) }
}

/** The detector proposes, the mesh confirms. */
function assertFace({ score }: Landmarks, remedy: string): void {
  if (score < SURE_FACE) throw new Problem('face_not_found', remedy)
}
