import { calendarDate, type NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import { type DocumentSide, sideOfCard } from './document/document-side.ts'
import { interpretSides } from './document/interpret-sides.ts'
import { valuesAlike } from './document/numbered-fields.ts'
import { readCard } from './document/read-card.ts'
import { readPage } from './document/read-document.ts'
import type { MrzModels } from './document/read-mrz.ts'
import { type SignSource, signsOf, signWarnings, withSigns } from './document/signs/signs.ts'
import type { Warning } from './evidence.ts'
import { type FrameReading, frameMarks } from './face/clip.ts'
import { detectFaces, type FaceBox } from './face/detect.ts'
import { embedFace } from './face/embed.ts'
import { findLandmarks, type Landmarks } from './face/landmarks.ts'
import { livenessOf, type PresentationModels } from './face/liveness.ts'
import {
  type FaceQuality,
  measureQuality,
  type QualityFault,
  qualityFaults,
} from './face/quality.ts'
import { likenessOfSecond } from './face/second-portrait.ts'
import type { Image } from './image.ts'
import type { Model } from './model.ts'
import type {
  DocumentBackReading,
  DocumentReading,
  PortraitReading,
  SelfieReading,
} from './pipeline.ts'

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
  readonly documentEdges: Model
}

/** A second face of less than this share of the first is a bystander. */
const BYSTANDER = 0.35
const SURE_FACE = 0.5
const SHOW_DOCUMENT =
  'show the whole passport page, identity card or driving licence, flat, sharp and without glare'
const SHOW_FRONT = 'this is the back: send the side with the portrait first'
const SHOW_BACK = 'this is the front: send the other side'
const SHOW_PORTRAIT = 'show the whole page with the portrait, without glare'
const NO_PORTRAIT = 'the portrait shows no face; have the credential issued again'
const LOOK_STRAIGHT = 'look straight into the camera in good light, with nothing before the face'

/** Reads what is printed on the front of a decoded document, its zone where it has one there, and the portrait. */
export async function readDocumentImage(
  models: EvidenceModels,
  image: Image,
  now: NumericDate,
): Promise<DocumentReading> {
  const { side, read, zone } = await readSideOf(models, image, now)
  if (side.kind === 'licence_back' || side.kind === 'aamva_back') {
    throw new Problem('document_side_wrong', SHOW_FRONT)
  }
  const { faces } = models
  const [face, ...others] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', SHOW_PORTRAIT)
  const { template, quality } = await readFace(faces, image, { face, remedy: SHOW_PORTRAIT })
  const { eyeDistance } = quality
  const likeness = await likenessOfSecond(faces, image, { face, template, eyeDistance, others })
  const signs = signsOf({ image, side: 'front', read, zone, portrait: { likeness } })
  const { document, warnings } = withSigns(interpretSides({ front: side }, now), signs)
  return {
    side,
    signs,
    document,
    portrait: template,
    quality,
    warnings: [...warnings, ...qualityWarnings('portrait_quality_low', quality)],
  }
}

/** Reads the back of a decoded document: a zone, a table of categories or a barcode. */
export async function readBackImage(
  models: EvidenceModels,
  image: Image,
  now: NumericDate,
): Promise<DocumentBackReading> {
  const { side, read, zone } = await readSideOf(models, image, now)
  if (side.kind === 'licence_front' || side.kind === 'aamva_front') {
    throw new Problem('document_side_wrong', SHOW_BACK)
  }
  const signs = signsOf({ image, side: 'back', read, zone })
  return { side, signs, warnings: signWarnings(signs) }
}

/** What one side shows, and where the signs of fraud are looked for. Exported for measurements. */
export async function readSideOf(
  { mrz, documentEdges }: Pick<EvidenceModels, 'mrz' | 'documentEdges'>,
  image: Image,
  now: NumericDate,
): Promise<Pick<SignSource, 'read' | 'zone'> & { readonly side: DocumentSide }> {
  const models = { ...mrz, documentEdges }
  const reading = await readPage(models, image)
  if (reading.page) {
    const { zone, printed } = reading.page
    const lines = printed.map(({ box }) => box)
    return {
      side: { kind: 'zone', ...reading.page },
      read: { image: reading.image, lines, alike: zone.boxes },
      zone: { lines: zone.boxes, characters: zone.mrz.layout.length },
    }
  }
  const { card } = reading
  const { lines, barcodes } = await readCard(models, image, card)
  const side = sideOfCard(lines, barcodes, calendarDate(now))
  if (!side) throw new Problem('document_not_found', SHOW_DOCUMENT)
  const alike = side.kind === 'licence_front' ? valuesAlike(side.printed) : []
  return { side, read: { image: card.image, lines: lines.map(({ box }) => box), alike } }
}

/** Reads the one face of a decoded selfie. */
export async function readSelfieImage(faces: FaceModels, image: Image): Promise<SelfieReading> {
  const face = await oneFace(faces, image)
  const { template, quality } = await readFace(faces, image, { face, remedy: LOOK_STRAIGHT })
  return {
    face: template,
    quality,
    liveness: faces.presentation ? await livenessOf(faces.presentation, image, face) : 0,
    warnings: qualityWarnings('selfie_quality_low', quality),
  }
}

/** Reads the one face of a decoded frame, and what tells it from other frames. */
export async function readFrameImage(faces: FaceModels, image: Image): Promise<FrameReading> {
  const face = await oneFace(faces, image)
  const { template, landmarks } = await readFace(faces, image, { face, remedy: LOOK_STRAIGHT })
  return {
    face: template,
    liveness: faces.presentation ? await livenessOf(faces.presentation, image, face) : 0,
    ...frameMarks(image, landmarks),
  }
}

/** Reads the largest face of a decoded portrait. */
export async function readPortraitImage(faces: FaceModels, image: Image): Promise<PortraitReading> {
  const [face] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', NO_PORTRAIT)
  const { template, quality } = await readFace(faces, image, { face, remedy: NO_PORTRAIT })
  return { face: template, quality }
}

async function oneFace(faces: FaceModels, image: Image): Promise<FaceBox> {
  const [face, second] = await detectFaces(faces.detector, image)
  if (!face) throw new Problem('face_not_found', LOOK_STRAIGHT)
  if (second && second.width > BYSTANDER * face.width) {
    throw new Problem('face_multiple', 'take the picture alone')
  }
  return face
}

/** What a small portrait behind printed lines may look like although nothing covers it. */
const NOT_OF_PORTRAITS: readonly QualityFault[] = ['face_eyes_covered', 'face_mouth_covered']

/** The warning that a picture's faults give, each named in `detail`. */
export function qualityWarnings(
  code: 'portrait_quality_low' | 'selfie_quality_low',
  quality: FaceQuality,
): readonly Warning[] {
  const detail = qualityFaults(quality).filter(
    (fault) => code === 'selfie_quality_low' || !NOT_OF_PORTRAITS.includes(fault),
  )
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
  return { template, landmarks, quality: measureQuality(image, landmarks) }
}

/** The detector proposes, the mesh confirms. */
function assertFace({ score }: Landmarks, remedy: string): void {
  if (score < SURE_FACE) throw new Problem('face_not_found', remedy)
}
