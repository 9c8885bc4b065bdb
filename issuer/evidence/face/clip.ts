import { type Image, type Point, rectangleMap, sample } from '../image.ts'
import type { FaceTemplate } from './embed.ts'
import { eyeCentres, eyeDistance, type Landmarks } from './landmarks.ts'
import { compareFaces, type MatchModel } from './match.ts'

/** What one frame of a clip showed. It stays in memory. */
export interface FrameReading {
  readonly face: FaceTemplate
  /** Passive liveness of the frame, 0 to 1. */
  readonly liveness: number
  /** The mesh in units of the distance between the eyes: x and y of each point in turn. */
  readonly shape: Float32Array
  /** Brightness around the face, 0 to 255, to tell whether a frame is another one again. */
  readonly trace: Uint8Array
}

/** What the frames of a clip say together. */
export interface ClipReading {
  readonly frames: number
  /** Mean of the frames' passive liveness. */
  readonly liveness: number
  /** The least that a frame has in common with the selfie, on the scale of the 1:1 comparison. */
  readonly likeness: number
  /** Frames that show what an earlier one shows, up to mild compression. A camera never takes the same twice. */
  readonly repeated: number
  /**
   * How much the face moved within itself: the largest root mean square, over two frames, of what is left of the mesh when
   * one is laid on the other by the best affine map. A picture of a face that is moved about leaves little.
   */
  readonly motion: number
}

/** From how many frames on a clip says something, and how many are looked at. */
export const CLIP_FRAMES = { least: 3, most: 20 } as const
const TRACE = 96
const TRACE_WIDTH = 2.6
/** Mean difference of brightness below which two frames are one. */
const SAME_FRAME = 0.5

/** What is kept of a frame to compare it with others. */
export function frameMarks(
  image: Image,
  { points }: Landmarks,
): Pick<FrameReading, 'shape' | 'trace'> {
  const apart = eyeDistance(points)
  const [right, left] = eyeCentres(points)
  const [cx, cy] = [(right[0] + left[0]) / 2, (right[1] + left[1]) / 2 + apart / 2]
  const size = TRACE_WIDTH * apart
  const pixels = sample(
    image,
    rectangleMap({ cx, cy, width: size, height: size }, TRACE, TRACE),
    TRACE,
    TRACE,
  )
  const trace = Uint8Array.from({ length: TRACE * TRACE }, (_, i) =>
    Math.round(
      0.299 * (pixels[3 * i] as number) +
        0.587 * (pixels[3 * i + 1] as number) +
        0.114 * (pixels[3 * i + 2] as number),
    ),
  )
  const shape = new Float32Array(2 * points.length)
  for (const [i, [x, y]] of points.entries()) {
    shape[2 * i] = (x - cx) / apart
    shape[2 * i + 1] = (y - cy) / apart
  }
  return { shape, trace }
}

/** Looks at frames together. Pure. Throws where there are too few. */
export function readClip(
  models: readonly MatchModel[],
  selfie: FaceTemplate,
  frames: readonly FrameReading[],
): ClipReading {
  if (frames.length < CLIP_FRAMES.least) throw new Error('a clip has more frames')
  const likenesses = frames.map(({ face }) => compareFaces(models, selfie, face).fused)
  let [repeated, motion] = [0, 0]
  for (const [i, frame] of frames.entries()) {
    const earlier = frames.slice(0, i)
    if (earlier.some(({ trace }) => difference(trace, frame.trace) < SAME_FRAME)) repeated += 1
    for (const { shape } of earlier) motion = Math.max(motion, affineResidual(shape, frame.shape))
  }
  return {
    frames: frames.length,
    liveness: frames.reduce((sum, frame) => sum + frame.liveness, 0) / frames.length,
    likeness: Math.min(...likenesses),
    repeated,
    motion,
  }
}

function difference(p: Uint8Array, q: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += Math.abs((p[i] as number) - (q[i] as number))
  return sum / p.length
}

/** What the best affine map from one set of points to the other leaves, as a root mean square. */
export function affineResidual(from: Float32Array, to: Float32Array): number {
  const count = from.length / 2
  const [meanFrom, meanTo] = [meanOf(from), meanOf(to)]
  let [xx, xy, yy] = [0, 0, 0]
  const sums = [0, 0, 0, 0]
  const each = (act: (p: Point, q: Point) => void) => {
    for (let i = 0; i < count; i++) {
      const p: Point = [
        (from[2 * i] as number) - meanFrom[0],
        (from[2 * i + 1] as number) - meanFrom[1],
      ]
      const q: Point = [(to[2 * i] as number) - meanTo[0], (to[2 * i + 1] as number) - meanTo[1]]
      act(p, q)
    }
  }
  each(([px, py], [qx, qy]) => {
    xx += px * px
    xy += px * py
    yy += py * py
    for (const [k, term] of [px * qx, py * qx, px * qy, py * qy].entries()) {
      sums[k] = (sums[k] as number) + term
    }
  })
  const determinant = xx * yy - xy * xy
  const [u = 0, v = 0, w = 0, z = 0] = sums
  const [a, b] = [(u * yy - v * xy) / determinant, (v * xx - u * xy) / determinant]
  const [c, d] = [(w * yy - z * xy) / determinant, (z * xx - w * xy) / determinant]
  let left = 0
  each(([px, py], [qx, qy]) => {
    left += (qx - a * px - b * py) ** 2 + (qy - c * px - d * py) ** 2
  })
  return Math.sqrt(left / count)
}

function meanOf(shape: Float32Array): Point {
  let [x, y] = [0, 0]
  for (let i = 0; i < shape.length; i += 2) {
    x += shape[i] as number
    y += shape[i + 1] as number
  }
  return [(2 * x) / shape.length, (2 * y) / shape.length]
}
