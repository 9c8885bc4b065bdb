import type { Warning } from '../evidence.ts'
import { centroid, type Image, luma, type Point, rectangleMap, sample } from '../image.ts'
import { eyeCentres, eyeDistance, headPose, type Landmarks, pick } from './landmarks.ts'

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
  /** Contrast within the eye that shows less of it, relative to the forehead. Dark glasses and hands have little. */
  readonly eyeContrast: number
  /** How far the lips differ in brightness and colour from the skin around them. A mask or a hand shows no lips. */
  readonly mouthContrast: number
  /** How far the colour around the mouth is from that of the forehead. */
  readonly mouthTint: number
}

/** What is wrong with a picture of a face. Each has a remedy in `docs/evidence-codes.md`. */
export const QUALITY_FAULTS = [
  'face_too_small',
  'face_turned',
  'face_too_dark',
  'face_too_bright',
  'face_flat',
  'face_blurred',
  'face_eyes_covered',
  'face_mouth_covered',
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
  face_eyes_covered: 'take off dark glasses and keep hair and hands away from the eyes',
  face_mouth_covered: 'take off mask or scarf and keep hands away from the face',
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
  eyeContrast: 0.06,
  mouthContrast: 4.5,
  mouthTint: 25,
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
  const covered = measureCover(image, landmarks, { apart, angle })
  return { eyeDistance: apart, yaw, pitch, brightness, contrast, sharpness, ...covered }
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
  if (quality.eyeContrast < LIMITS.eyeContrast) faults.push('face_eyes_covered')
  if (quality.mouthContrast < LIMITS.mouthContrast || quality.mouthTint > LIMITS.mouthTint) {
    faults.push('face_mouth_covered')
  }
  return faults
}

/** Centres on the mesh, and sizes as shares of the distance between the eyes. */
const PATCHES = {
  forehead: { points: [151], width: 0.3, height: 0.15 },
  lips: { points: [13, 14], width: 0.5, height: 0.16 },
  aboveLips: { points: [164], width: 0.3, height: 0.08 },
  belowLips: { points: [200], width: 0.3, height: 0.12 },
} as const
const EYE = { width: 0.42, height: 0.18 }
const PATCH_WIDTH = 24
const PATCH_HEIGHT = 12

/** Mean of a patch in brightness and the two differences of colour (ITU-R BT.601), and how far its brightness spreads. */
interface Patch {
  readonly y: number
  readonly cb: number
  readonly cr: number
  readonly spread: number
}

function measureCover(
  image: Image,
  { points }: Landmarks,
  { apart, angle }: { apart: number; angle: number },
): Pick<FaceQuality, 'eyeContrast' | 'mouthContrast' | 'mouthTint'> {
  const patchAt = ([cx, cy]: Point, size: { width: number; height: number }): Patch => {
    const box = { cx, cy, width: size.width * apart, height: size.height * apart, angle }
    const map = rectangleMap(box, PATCH_WIDTH, PATCH_HEIGHT)
    return patchOf(sample(image, map, PATCH_WIDTH, PATCH_HEIGHT))
  }
  const named = (name: keyof typeof PATCHES) =>
    patchAt(centroid(pick(points, PATCHES[name].points)), PATCHES[name])
  const [right, left] = eyeCentres(points).map((centre) => patchAt(centre, EYE))
  const forehead = named('forehead')
  const lips = named('lips')
  const [above, below] = [named('aboveLips'), named('belowLips')]
  const around = {
    y: (above.y + below.y) / 2,
    cb: (above.cb + below.cb) / 2,
    cr: (above.cr + below.cr) / 2,
  }
  const mouth = { cb: (lips.cb + 2 * around.cb) / 3, cr: (lips.cr + 2 * around.cr) / 3 }
  return {
    eyeContrast: Math.min(right?.spread ?? 0, left?.spread ?? 0) / Math.max(20, forehead.y),
    mouthContrast: Math.hypot((lips.y - around.y) / 2, lips.cb - around.cb, lips.cr - around.cr),
    mouthTint: Math.hypot(mouth.cb - forehead.cb, mouth.cr - forehead.cr),
  }
}

function patchOf(pixels: Float32Array): Patch {
  const count = pixels.length / 3
  let [y, squares, red, blue] = [0, 0, 0, 0]
  for (const [i, value] of luma(pixels).entries()) {
    y += value / count
    squares += value ** 2 / count
    red += (pixels[3 * i] as number) / count
    blue += (pixels[3 * i + 2] as number) / count
  }
  return {
    y,
    cb: 0.564 * (blue - y),
    cr: 0.713 * (red - y),
    spread: Math.sqrt(Math.max(0, squares - y ** 2)),
  }
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
