import { type Image, mirror, normalise, type Point, sample, similarity } from '../image.ts'
import type { EmbeddingDeclaration } from '../manifest.ts'
import type { Model } from '../model.ts'
import { inputOf } from '../preprocessing.ts'
import { eyeCentres, pick } from './landmarks.ts'

/** Embeddings of one face by model id. A biometric template: it stays in memory and out of logs and stores. */
export type FaceTemplate = ReadonlyMap<string, Float32Array>

interface ChipTemplate {
  readonly size: number
  readonly from: (points: readonly Point[]) => readonly Point[]
  readonly to: readonly Point[]
}

const DLIB_SIZE = 150
const DLIB_PADDING = 0.25
const DLIB_FIVE: readonly Point[] = [
  [0.8595674595992, 0.2134981538014],
  [0.6460604764104, 0.2289674387677],
  [0.1205750620789, 0.2137274526848],
  [0.3340850613712, 0.2290642403242],
  [0.4901123135679, 0.6277975316475],
]
const padded = (v: number) => ((DLIB_PADDING + v) / (2 * DLIB_PADDING + 1)) * DLIB_SIZE

const TEMPLATES: Readonly<Record<EmbeddingDeclaration['template'], ChipTemplate>> = {
  'arcface-112': {
    size: 112,
    from: (points) => [...eyeCentres(points), ...pick(points, [1, 61, 291])],
    to: [
      [38.2946, 51.6963],
      [73.5318, 51.5014],
      [56.0252, 71.7366],
      [41.5493, 92.3655],
      [70.7299, 92.2041],
    ],
  },
  'dlib-150': {
    size: DLIB_SIZE,
    from: (points) => pick(points, [263, 362, 33, 133, 2]),
    to: DLIB_FIVE.map(([x, y]): Point => [padded(x), padded(y)]),
  },
}

/** Aligns a face as each network expects and embeds it together with its mirror image. */
export async function embedFace(
  models: readonly Model[],
  image: Image,
  points: readonly Point[],
): Promise<FaceTemplate> {
  const chips = new Map<string, Float32Array>()
  const template = new Map<string, Float32Array>()
  for (const model of models) {
    const declared = embeddingOf(model)
    const { size, from, to } = TEMPLATES[declared.template]
    const chip =
      chips.get(declared.template) ?? sample(image, similarity(from(points), to), size, size)
    chips.set(declared.template, chip)
    const [straight, flipped] = await runBoth(model, chip, size)
    template.set(model.id, combine(straight, flipped, declared))
  }
  return template
}

/** The declaration that makes a model one that embeds faces. */
export function embeddingOf({ id, declaration }: Model): EmbeddingDeclaration {
  if (!declaration.embedding) throw new Error(`model ${id}: the manifest declares no embedding`)
  return declaration.embedding
}

async function runBoth(
  model: Model,
  chip: Float32Array,
  size: number,
): Promise<readonly [Float32Array, Float32Array]> {
  const normalisation = inputOf(model)
  const inputs = [chip, mirror(chip, size)].map((pixels) => normalise(pixels, normalisation))
  const shape = normalisation.layout === 'NCHW' ? [3, size, size] : [size, size, 3]
  const outputs: Float32Array[] = []
  for (const data of inputs) {
    const [output] = await model.run({ dims: [1, ...shape], data })
    if (output) outputs.push(output.data)
  }
  const [straight, flipped] = outputs
  if (!straight || !flipped) throw new Error(`model ${model.id} has no output`)
  return [straight, flipped]
}

function combine(
  straight: Float32Array,
  flipped: Float32Array,
  { mirror: way, metric }: EmbeddingDeclaration,
): Float32Array {
  const [p, q] = way === 'average' ? [straight, flipped] : [unit(straight), unit(flipped)]
  const sum = p.map((value, i) => (value + (q[i] ?? 0)) / 2)
  return metric === 'cosine' ? unit(sum) : sum
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}
