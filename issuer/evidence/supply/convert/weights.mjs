/** Weights of TensorFlow.js and face-api.js: a manifest beside one or more binary shards. */

/**
 * @typedef {{ dims: number[], dtype: string, data: Float32Array | Int32Array | Uint8Array }} Weight
 * @typedef {{ name: string, shape: number[], dtype: string,
 *   quantization?: { dtype: string, scale?: number, min?: number } }} WeightEntry
 * @typedef {{ paths: string[], weights: WeightEntry[] }[]} WeightManifest
 */

/** @param {number} bits IEEE 754 binary16 */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024)
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
}

const BYTES = { float32: 4, int32: 4, uint16: 2, float16: 2, uint8: 1, bool: 1 }

/** @param {WeightEntry} entry @param {Buffer} shard @param {number} start @param {number} count */
function decode({ name, dtype, quantization }, shard, start, count) {
  const { dtype: stored = dtype, scale = 1, min = 0 } = quantization ?? {}
  const size = BYTES[/** @type {keyof typeof BYTES} */ (stored)]
  if (!size) throw new Error(`weight ${name}: dtype ${stored} is not supported`)
  const at = (/** @type {number} */ index) => start + index * size
  const fill = (/** @type {(index: number) => number} */ read) =>
    Float32Array.from({ length: count }, (_, i) => read(i))
  const end = at(count)
  if (end > shard.length)
    throw new Error(`weight ${name}: shard is ${end - shard.length} bytes short`)
  switch (stored) {
    case 'uint8':
      return { end, data: fill((i) => shard.readUInt8(at(i)) * scale + min) }
    case 'uint16':
      return { end, data: fill((i) => shard.readUInt16LE(at(i)) * scale + min) }
    case 'float16':
      return { end, data: fill((i) => halfToNumber(shard.readUInt16LE(at(i)))) }
    case 'float32':
      return { end, data: fill((i) => shard.readFloatLE(at(i))) }
    case 'int32':
      return { end, data: Int32Array.from({ length: count }, (_, i) => shard.readInt32LE(at(i))) }
    default:
      return { end, data: Uint8Array.from(shard.subarray(start, end)) }
  }
}

/** @param {WeightManifest} manifest @param {(path: string) => Buffer} read @returns {Map<string, Weight>} */
export function decodeWeights(manifest, read) {
  const weights = new Map()
  for (const group of manifest) {
    const shard = Buffer.concat(group.paths.map(read))
    let offset = 0
    for (const entry of group.weights) {
      const count = entry.shape.reduce((product, size) => product * size, 1)
      const { data, end } = decode(entry, shard, offset, count)
      weights.set(entry.name, { dims: entry.shape, dtype: entry.dtype, data })
      offset = end
    }
    if (offset !== shard.length)
      throw new Error(`weights end at ${offset} of ${shard.length} bytes`)
  }
  return weights
}

/** Reorders the axes of a dense tensor. @param {ArrayLike<number>} data @param {readonly number[]} dims @param {readonly number[]} order */
export function transpose(data, dims, order) {
  const strides = dims.map((_, axis) =>
    dims.slice(axis + 1).reduce((product, size) => product * size, 1),
  )
  const result = new Float32Array(data.length)
  const index = order.map(() => 0)
  for (let position = 0; position < result.length; position++) {
    result[position] =
      data[index.reduce((sum, value, axis) => sum + value * strides[order[axis]], 0)]
    for (let axis = order.length - 1; axis >= 0 && ++index[axis] === dims[order[axis]]; axis--)
      index[axis] = 0
  }
  return result
}
