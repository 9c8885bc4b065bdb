/**
 * Assembles an ONNX model in memory. Names are counters, so the same calls always give the same bytes.
 */
import { bytes, float, int, message, packedInts, string } from './protobuf.mjs'

const IR_VERSION = 8
const FLOAT = 1
const INT64 = 7

/**
 * @typedef {{ float: number }} FloatAttribute
 * @typedef {string | number | readonly number[] | FloatAttribute} Attribute
 * @typedef {{ name: string, dims: readonly (number | string)[] }} Value a named dimension is free
 */

export class OnnxGraph {
  #name
  #counter = 0
  /** @type {Buffer[]} */ #nodes = []
  /** @type {Buffer[]} */ #initializers = []
  /** @type {Buffer[]} */ #inputs = []
  /** @type {Buffer[]} */ #outputs = []
  /** @type {Set<string>} */ #constants = new Set()

  /** @param {string} name */
  constructor(name) {
    this.#name = name
  }

  /** @param {string} prefix */
  #unique(prefix) {
    return `${prefix}_${this.#counter++}`
  }

  /** @param {string} name @param {Value['dims']} dims */
  input(name, dims) {
    this.#inputs.push(message(11, valueInfo(name, dims)))
    return name
  }

  /** @param {string} name @param {Value['dims']} [dims] left out: rank unknown */
  output(name, dims) {
    this.#outputs.push(message(12, valueInfo(name, dims)))
    return name
  }

  /** @param {Float32Array | readonly number[]} data @param {readonly number[]} dims @param {string} [name] */
  floats(data, dims, name = this.#unique('w')) {
    if (this.#constants.has(name)) return name
    this.#constants.add(name)
    const values = data instanceof Float32Array ? data : Float32Array.from(data)
    this.#initializers.push(tensor(name, FLOAT, dims, values))
    return name
  }

  /** @param {ArrayLike<number>} data @param {readonly number[]} [dims] */
  ints(data, dims = [data.length]) {
    const name = this.#unique('i')
    this.#initializers.push(tensor(name, INT64, dims, BigInt64Array.from(Array.from(data), BigInt)))
    return name
  }

  /**
   * Adds a node with one output and returns the output's name.
   * @param {string} type @param {readonly string[]} inputs an empty name is an input left out
   * @param {Record<string, Attribute>} [attributes] @param {string} [name]
   */
  node(type, inputs, attributes = {}, name = this.#unique(type.toLowerCase())) {
    this.#nodes.push(
      message(1, [
        ...inputs.map((input) => string(1, input)),
        string(2, name),
        string(3, `n_${name}`),
        string(4, type),
        ...Object.entries(attributes).map(([key, value]) => message(5, attribute(key, value))),
      ]),
    )
    return name
  }

  /** @param {{ opset: number, producer: string }} options */
  encode({ opset, producer }) {
    const graph = [
      ...this.#nodes,
      string(2, this.#name),
      ...this.#initializers,
      ...this.#inputs,
      ...this.#outputs,
    ]
    return Buffer.concat([
      int(1, IR_VERSION),
      string(2, producer),
      message(7, graph),
      message(8, [string(1, ''), int(2, opset)]),
    ])
  }
}

/** @param {string} name @param {number} type @param {readonly number[]} dims @param {Float32Array | BigInt64Array} data */
const tensor = (name, type, dims, data) =>
  message(5, [
    ...packedInts(1, dims),
    int(2, type),
    string(8, name),
    bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ])

/** @param {string} name @param {Value['dims']} [dims] */
function valueInfo(name, dims) {
  const shape = dims?.map((dim) =>
    message(1, [typeof dim === 'string' ? string(2, dim) : int(1, dim)]),
  )
  const type = message(1, [int(1, FLOAT), ...(shape ? [message(2, shape)] : [])])
  return [string(1, name), message(2, [type])]
}

/** @param {string} name @param {Attribute} value */
function attribute(name, value) {
  if (typeof value === 'string') return [string(1, name), string(4, value), int(20, 3)]
  if (typeof value === 'number') return [string(1, name), int(3, value), int(20, 2)]
  if ('float' in value) return [string(1, name), float(2, value.float), int(20, 1)]
  return [string(1, name), ...packedInts(8, value), int(20, 7)]
}
