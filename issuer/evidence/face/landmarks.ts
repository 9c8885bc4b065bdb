import { centroid, type Image, type Point, rectangleMap } from '../image.ts'
import type { Model } from '../model.ts'
import { runOn } from '../preprocessing.ts'
import type { FaceBox } from './detect.ts'

/** The 468 points of the face mesh in image pixels, with their depth in pixels. */
export interface Landmarks {
  readonly points: readonly Point[]
  readonly depth: readonly number[]
  /** How sure the network is that there is a face. */
  readonly score: number
}

/** Degrees. Yaw is positive when the person turns to their left, pitch when they look down. */
export interface HeadPose {
  readonly yaw: number
  readonly pitch: number
  readonly roll: number
}

const SIZE = 192
const COUNT = 468
const MARGIN = 1.5

/** Finds the mesh of a detected face. */
export async function findLandmarks(model: Model, image: Image, face: FaceBox): Promise<Landmarks> {
  const size = Math.max(face.width, face.height) * MARGIN
  const [right, left] = face.eyes
  const angle = Math.atan2(left[1] - right[1], left[0] - right[0])
  const map = rectangleMap(
    { cx: face.cx, cy: face.cy, width: size, height: size, angle },
    SIZE,
    SIZE,
  )
  const outputs = await runOn(model, image, map, { width: SIZE, height: SIZE })
  const mesh = outputs.find((output) => output.data.length === 3 * COUNT)?.data
  const score = outputs.find((output) => output.data.length === 1)?.data[0]
  if (!mesh || score === undefined) throw new Error(`model ${model.id} has unexpected outputs`)
  const points: Point[] = []
  const depth: number[] = []
  for (let i = 0; i < COUNT; i++) {
    const x = (mesh[3 * i] ?? 0) - 0.5
    const y = (mesh[3 * i + 1] ?? 0) - 0.5
    points.push([map[0] * x + map[1] * y + map[2] + 0.5, map[3] * x + map[4] * y + map[5] + 0.5])
    depth.push(((mesh[3 * i + 2] ?? 0) * size) / SIZE)
  }
  return { points, depth, score }
}

/** The points at these indexes of the mesh. */
export function pick(points: readonly Point[], indexes: readonly number[]): Point[] {
  return indexes.map((index) => points[index] ?? [0, 0])
}

/** Eye centres, the person's right eye first. */
export function eyeCentres(points: readonly Point[]): readonly [Point, Point] {
  return [centroid(pick(points, [33, 133, 159, 145])), centroid(pick(points, [362, 263, 386, 374]))]
}

/** The distance between the eyes in pixels. */
export function eyeDistance(points: readonly Point[]): number {
  const [right, left] = eyeCentres(points)
  return Math.hypot(left[0] - right[0], left[1] - right[1])
}

type Vector = readonly [number, number, number]

/** Which way the head is turned, from the mesh alone. */
export function headPose({ points, depth }: Landmarks): HeadPose {
  const at = (index: number): Vector => {
    const [x, y] = points[index] ?? [0, 0]
    return [x, y, depth[index] ?? 0]
  }
  const across = unit(add(between(at(33), at(263)), between(at(61), at(291))))
  const forward = unit(cross(across, between(at(10), at(152))))
  const downward = cross(forward, across)
  const degrees = 180 / Math.PI
  return {
    yaw: Math.asin(-across[2]) * degrees,
    pitch: Math.atan2(downward[2], forward[2]) * degrees,
    roll: Math.atan2(across[1], across[0]) * degrees,
  }
}

const add = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [a + d, b + e, c + f]
const between = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [d - a, e - b, f - c]
const cross = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [
  b * f - c * e,
  c * d - a * f,
  a * e - b * d,
]

function unit([a, b, c]: Vector): Vector {
  const length = Math.hypot(a, b, c)
  return [a / length, b / length, c / length]
}
