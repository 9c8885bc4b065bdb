import { type Affine, type Area, type Image, type Normalisation, sampleFor } from './image.ts'
import type { Model, Tensor } from './model.ts'

/** The preprocessing that the manifest declares for a model. Throws where it declares none that we can do. */
export function inputOf({ id, declaration: { input } }: Model): Normalisation {
  if (!input || input.colour === 'RGBA') {
    throw new Error(`model ${id}: the manifest declares no preprocessing for it`)
  }
  const { layout, colour, subtract, divide } = input
  return { layout, colour, subtract, divide }
}

/** Runs a model on what it sees of an image through `map`, in the layout and range that the manifest declares. */
export async function runOn(
  model: Model,
  image: Image,
  map: Affine,
  area: Area,
): Promise<readonly Tensor[]> {
  const input = inputOf(model)
  const { width, height } = area
  const channels = input.colour === 'grey' ? 1 : 3
  const dims = input.layout === 'NCHW' ? [channels, height, width] : [height, width, channels]
  const buffer = takeBuffer(Float32Array.BYTES_PER_ELEMENT * channels * height * width)
  const data = new Float32Array(buffer, 0, channels * height * width)
  sampleFor(image, map, area, input, data)
  try {
    return await model.run({ dims: [1, ...dims], data })
  } finally {
    giveBack(buffer)
  }
}

/**
 * Buffers that no run has now, by the power of two that is their size: what a network reads is written once and over
 * again in the next, instead of fresh memory each time.
 */
const free = new Map<number, ArrayBuffer>()
const SMALLEST_BUFFER = 2 ** 16

function takeBuffer(bytes: number): ArrayBuffer {
  const size = Math.max(SMALLEST_BUFFER, 2 ** Math.ceil(Math.log2(bytes)))
  const buffer = free.get(size)
  free.delete(size)
  return buffer ?? new ArrayBuffer(size)
}

function giveBack(buffer: ArrayBuffer): void {
  free.set(buffer.byteLength, buffer)
}
