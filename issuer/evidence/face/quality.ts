import type { Warning } from '../evidence.ts'
import { type Image, rectangleMap, sample } from '../image.ts'
import { eyeCentres, eyeDistance, headPose, type Landmarks } from './landmarks.ts'

/** What a face looks like to a camera: the measures that a comparison depends on. */
export interface FaceQuality {
  /** Distance between the eyes in pixels of the upload as it was read. */
  readonly eyeDistance: number
  /** Degrees, away from the camera to either side and up or down. */
  readonly yaw: number
  readonly pitch: number
  /** Mean brightness of the face, 0 to 255. */
  readonly brightness: number
  /** Standard deviation of the brightness. */
  readonly contrast: number
  /** Mean square of the Laplacian over the face at a fixed size, relative to its contrast. */
  readonly sharpness: number
}

/** What is wrong with a picture of a face. Each has a remedy in `docs/evidence-codes.md`. */
export const QUALITY_FAULTS = [
  'face_too_small',
  'face_turned',
  'face_too_dark',
  'face_too_bright',
  'face_flat',
  'face_blurred',
] as const

export type QualityFault = (typeof QUALITY_FAULTS)[number]

/** What helps against each fault, in words for the person before the camera. */
export const FAULT_REMEDIES: Readonly<Record<QualityFault, string>> = {
  face_too_small: 'come closer, or photograph the page so that it fills the picture',
  face_turned: 'look straight into the camera',
  face_too_dark: 'turn towards a window or a lamp',
  face_too_bright: 'step out of direct light',
  face_flat: 'use even light and wipe the lens',
  face_blurred: 'hold still and wipe the lens',
}

/** What helps against the faults that warnings name in `detail`, by fault. */
export function remediesOf(
  warnings: readonly Warning[],
): Readonly<Partial<Record<QualityFault, string>>> {
  const named = new Set(warnings.flatMap(({ detail }) => detail ?? []))
  return Object.fromEntries(
    QUALITY_FAULTS.filter((fault) => named.has(fault)).map((fault) => [
      fault,
      FAULT_REMEDIES[fault],
    ]),
  )
}

const CHIP = 96
const EYES_IN_CHIP = 0.4
const LIMITS = {
  eyeDistance: 60,
  yaw: 30,
  pitch: 25,
  dark: 50,
  bright: 225,
  contrast: 14,
  sharpness: 0.012,
}

/** Measures a face. */
export function measureQuality(image: Image, landmarks: Landmarks): FaceQuality {
  const apart = eyeDistance(landmarks.points)
  const { yaw, pitch, roll } = headPose(landmarks)
  const [right, left] = eyeCentres(landmarks.points)
  const size = apart / EYES_IN_CHIP
  const angle = (roll * Math.PI) / 180
  const down = apart * 0.55
  const map = rectangleMap(
    {
      cx: (right[0] + left[0]) / 2 - down * Math.sin(angle),
      cy: (right[1] + left[1]) / 2 + down * Math.cos(angle),
      width: size,
      height: size,
      angle,
    },
    CHIP,
    CHIP,
  )
  const grey = luma(sample(image, map, CHIP, CHIP))
  const brightness = mean(grey)
  const contrast = Math.sqrt(mean(grey.map((value) => (value - brightness) ** 2)))
  const sharpness = laplacianEnergy(grey) / Math.max(1, contrast ** 2)
  return { eyeDistance: apart, yaw, pitch, brightness, contrast, sharpness }
}

/** The faults of a face that are beyond what comparisons were measured with. */
export function qualityFaults(quality: FaceQuality): readonly QualityFault[] {
  const faults: QualityFault[] = []
  if (quality.eyeDistance < LIMITS.eyeDistance) faults.push('face_too_small')
  if (Math.abs(quality.yaw) > LIMITS.yaw || Math.abs(quality.pitch) > LIMITS.pitch) {
    faults.push('face_turned')
  }
  if (quality.brightness < LIMITS.dark) faults.push('face_too_dark')
  if (quality.brightness > LIMITS.bright) faults.push('face_too_bright')
  if (quality.contrast < LIMITS.contrast) faults.push('face_flat')
  if (quality.sharpness < LIMITS.sharpness) faults.push('face_blurred')
  return faults
}

function luma(pixels: Float32Array): Float32Array {
  const grey = new Float32Array(pixels.length / 3)
  for (let i = 0; i < grey.length; i++) {
    grey[i] =
      0.299 * (pixels[3 * i] as number) +
      0.587 * (pixels[3 * i + 1] as number) +
      0.114 * (pixels[3 * i + 2] as number)
  }
  return grey
}

function mean(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

function laplacianEnergy(grey: Float32Array): number {
  let sum = 0
  for (let y = 1; y < CHIP - 1; y++) {
    for (let x = 1; x < CHIP - 1; x++) {
      const i = y * CHIP + x
      const around =
        (grey[i - 1] as number) +
        (grey[i + 1] as number) +
        (grey[i - CHIP] as number) +
        (grey[i + CHIP] as number)
      sum += (around - 4 * (grey[i] as number)) ** 2
    }
  }
  return sum / (CHIP - 2) ** 2
}
