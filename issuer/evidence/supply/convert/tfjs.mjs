/** Converts TensorFlow.js graph models, the feed-forward convolutional subset, to ONNX. NHWC at the edges. */
import { OnnxGraph } from './onnx-graph.mjs'
import { decodeWeights, transpose } from './weights.mjs'

const UNARY = {
  Relu: 'Relu',
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Abs: 'Abs',
  Neg: 'Neg',
  Exp: 'Exp',
  Identity: 'Identity',
}
const BINARY = {
  Add: 'Add',
  AddV2: 'Add',
  Sub: 'Sub',
  Mul: 'Mul',
  RealDiv: 'Div',
  Minimum: 'Min',
  Maximum: 'Max',
  Prelu: 'PRelu',
}

const plainName = (/** @type {string} */ name) => name.replace(/^\^/, '').replace(/:0$/, '')
const intList = (/** @type {any} */ attribute) => (attribute?.list?.i ?? []).map(Number)
const text = (/** @type {string} */ base64) => Buffer.from(base64, 'base64').toString()
const fusedOperators = (/** @type {TfNode} */ node) =>
  (node.attr.fused_ops?.list?.s ?? []).map(text)

/** @param {TfNode} node @returns {Record<string, string | number[]>} */
function padding({ attr }) {
  const kind = text(attr.padding.s)
  if (kind === 'SAME') return { auto_pad: 'SAME_UPPER' }
  if (kind === 'VALID') return { auto_pad: 'VALID' }
  const pads = intList(attr.explicit_paddings)
  return { pads: [pads[2], pads[4], pads[3], pads[5]] }
}

/**
 * @param {{ modelTopology: { node: TfNode[] }, weightsManifest: import('./weights.mjs').WeightManifest,
 *   signature?: { outputs: Record<string, { name: string }> } }} model
 * @param {(path: string) => Buffer} read
 * @param {{ name: string, producer: string }} options
 * @returns {Buffer} ONNX: inputs and outputs keep their names, an output with `_out` behind it
 */
export function tfjsToOnnx(model, read, { name: graphName, producer }) {
  const weights = decodeWeights(model.weightsManifest, read)
  const nodes = new Map(model.modelTopology.node.map((node) => [node.name, node]))
  const graph = new OnnxGraph(graphName)
  /** @type {Map<string, string>} */ const values = new Map()

  const constant = (/** @type {string} */ name) => {
    const weight = weights.get(plainName(name))
    if (!weight) throw new Error(`${name} is not a constant`)
    return weight
  }
  const constantInts = (/** @type {string} */ name) => Array.from(constant(name).data)

  /** @param {string} reference @returns {string} */
  function value(reference) {
    const name = plainName(reference)
    const known = values.get(name)
    if (known !== undefined) return known
    const result = weights.has(name) ? constantValue(name) : convert(node(name))
    values.set(name, result)
    return result
  }
  const node = (/** @type {string} */ name) => {
    const found = nodes.get(name)
    if (!found) throw new Error(`the graph lacks ${name}`)
    return found
  }
  const constantValue = (/** @type {string} */ name) => {
    const { data, dims } = constant(name)
    return data instanceof Float32Array
      ? graph.floats(data, dims, `W/${name}`)
      : graph.ints(data, dims)
  }
  const toChannelsFirst = (/** @type {string} */ x) =>
    graph.node('Transpose', [x], { perm: [0, 3, 1, 2] })
  const toChannelsLast = (/** @type {string} */ x) =>
    graph.node('Transpose', [x], { perm: [0, 2, 3, 1] })
  const clip6 = (/** @type {string} */ x) =>
    graph.node('Clip', [x, graph.floats([0], []), graph.floats([6], [])])

  /** @param {string} x @param {TfNode} from */
  function activate(x, from) {
    let y = x
    for (const operator of fusedOperators(from)) {
      if (operator === 'BiasAdd') continue
      if (operator === 'Relu') y = graph.node('Relu', [y])
      else if (operator === 'Relu6') y = clip6(y)
      else if (operator === 'Prelu')
        y = graph.node('PRelu', [y, constantValue(plainName(from.input[3]))])
      else throw new Error(`fused ${operator} is not supported`)
    }
    return y
  }

  /** @param {TfNode} from @param {boolean} depthwise */
  function convolution(from, depthwise) {
    const [x, filter, bias] = from.input
    const image = toChannelsFirst(value(x))
    const { data, dims } = constant(filter)
    const [height, width, channelsIn, last] = dims
    const shape = depthwise
      ? [channelsIn * last, 1, height, width]
      : [last, channelsIn, height, width]
    const inputs = [
      image,
      graph.floats(transpose(data, dims, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1]), shape),
    ]
    if (fusedOperators(from).includes('BiasAdd')) {
      const { data: shift } = constant(bias)
      inputs.push(graph.floats(/** @type {Float32Array} */ (shift), [shift.length]))
    }
    const strides = intList(from.attr.strides).slice(1, 3)
    const dilations = intList(from.attr.dilations).slice(1, 3)
    const y = graph.node('Conv', inputs, {
      kernel_shape: [height, width],
      strides,
      dilations: dilations.length ? dilations : [1, 1],
      group: depthwise ? channelsIn : 1,
      ...padding(from),
    })
    return activate(toChannelsLast(y), from)
  }

  /** @param {TfNode} from */
  function pool(from) {
    const image = toChannelsFirst(value(from.input[0]))
    const y = graph.node(from.op === 'MaxPool' ? 'MaxPool' : 'AveragePool', [image], {
      kernel_shape: intList(from.attr.ksize).slice(1, 3),
      strides: intList(from.attr.strides).slice(1, 3),
      ...padding(from),
    })
    return toChannelsLast(y)
  }

  /** @param {TfNode} from */
  function matMul(from) {
    const [a, b, bias] = from.input
    const side = (/** @type {string} */ x, /** @type {any} */ flipped) =>
      flipped?.b ? graph.node('Transpose', [x], { perm: [1, 0] }) : x
    const [left, right] = [value(a), value(b)]
    let y = graph.node('MatMul', [
      side(left, from.attr.transpose_a),
      side(right, from.attr.transpose_b),
    ])
    if (fusedOperators(from).includes('BiasAdd')) y = graph.node('Add', [y, value(bias)])
    return activate(y, from)
  }

  /** A shape computed at run time keeps the batch and lets one axis be inferred. @param {string} reference */
  function targetShape(reference) {
    const name = plainName(reference)
    if (weights.has(name)) return constantInts(name)
    const pack = node(name)
    if (pack.op !== 'Pack') throw new Error(`${name}: shape from ${pack.op} is not supported`)
    return pack.input.map((part, axis) =>
      weights.has(plainName(part)) ? constantInts(part)[0] : axis === 0 ? 0 : -1,
    )
  }

  /** @param {TfNode} from */
  function resize(from) {
    const size = constantInts(from.input[1])
    const image = toChannelsFirst(value(from.input[0]))
    const batchAndChannels = graph.node('Slice', [
      graph.node('Shape', [image]),
      graph.ints([0]),
      graph.ints([2]),
    ])
    const sizes = graph.node('Concat', [batchAndChannels, graph.ints(size)], { axis: 0 })
    const { half_pixel_centers: half, align_corners: align } = from.attr
    const coordinates = align?.b ? 'align_corners' : half?.b ? 'half_pixel' : 'asymmetric'
    return toChannelsLast(
      graph.node('Resize', [image, '', '', sizes], {
        mode: 'linear',
        coordinate_transformation_mode: coordinates,
      }),
    )
  }

  /** @param {TfNode} from @returns {string} */
  function convert(from) {
    const { op, input = [], attr } = from
    if (op in BINARY)
      return graph.node(BINARY[/** @type {keyof typeof BINARY} */ (op)], [
        value(input[0]),
        value(input[1]),
      ])
    if (op in UNARY)
      return graph.node(UNARY[/** @type {keyof typeof UNARY} */ (op)], [value(input[0])])
    switch (op) {
      case 'Placeholder': {
        /** @type {number[]} */ const dims = (attr.shape?.shape?.dim ?? []).map(
          (/** @type {any} */ dim) => Number(dim.size),
        )
        return graph.input(
          plainName(from.name),
          dims.map((size, axis) => (size >= 0 ? size : axis === 0 ? 'N' : `d${axis}`)),
        )
      }
      case 'Conv2D':
      case '_FusedConv2D':
        return convolution(from, false)
      case 'DepthwiseConv2dNative':
      case 'FusedDepthwiseConv2dNative':
        return convolution(from, true)
      case 'MatMul':
      case '_FusedMatMul':
        return matMul(from)
      case 'MaxPool':
      case 'AvgPool':
        return pool(from)
      case 'Relu6':
        return clip6(value(input[0]))
      case 'Softmax':
        return graph.node('Softmax', [value(input[0])], { axis: -1 })
      case 'Pad':
      case 'PadV2': {
        const pairs = constantInts(input[1])
        const before = pairs.filter((_, i) => i % 2 === 0)
        const after = pairs.filter((_, i) => i % 2 === 1)
        return graph.node('Pad', [value(input[0]), graph.ints([...before, ...after])])
      }
      case 'Mean':
      case 'Max': {
        const reduce = op === 'Mean' ? 'ReduceMean' : 'ReduceMax'
        const attributes = { axes: constantInts(input[1]), keepdims: attr.keep_dims?.b ? 1 : 0 }
        return graph.node(reduce, [value(input[0])], attributes)
      }
      case 'Squeeze':
        return graph.node('Squeeze', [value(input[0]), graph.ints(intList(attr.squeeze_dims))])
      case 'Reshape': {
        const shape = targetShape(input[1])
        return graph.node('Reshape', [value(input[0]), graph.ints(shape)])
      }
      case 'ConcatV2':
        return graph.node('Concat', input.slice(0, -1).map(value), {
          axis: constantInts(input[input.length - 1])[0],
        })
      case 'ResizeBilinear':
        return resize(from)
      case 'DepthToSpace': {
        const image = toChannelsFirst(value(input[0]))
        return toChannelsLast(
          graph.node('DepthToSpace', [image], {
            blocksize: Number(attr.block_size.i),
            mode: 'DCR',
          }),
        )
      }
      default:
        throw new Error(`${op} is not supported (${from.name})`)
    }
  }

  const consumed = new Set(
    model.modelTopology.node.flatMap((each) => (each.input ?? []).map(plainName)),
  )
  const outputs = model.signature?.outputs
    ? Object.values(model.signature.outputs).map(({ name }) => plainName(name))
    : [...nodes.values()]
        .filter((each) => each.op !== 'Const' && !consumed.has(each.name))
        .map(({ name }) => name)
  for (const output of outputs)
    graph.output(graph.node('Identity', [value(output)], {}, `${output.replace(/[/:]/g, '_')}_out`))
  return graph.encode({ opset: 13, producer })
}

/** @typedef {{ name: string, op: string, input: string[], attr: Record<string, any> }} TfNode */
