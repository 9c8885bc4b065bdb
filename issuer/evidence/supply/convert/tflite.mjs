/** Converts float TensorFlow Lite networks, the convolutional subset, to ONNX. NHWC at the edges; the batch is made free. */
import { Table } from './flatbuffer.mjs'
import { OnnxGraph } from './onnx-graph.mjs'
import { transpose } from './weights.mjs'

const OPERATORS = new Map([
  [0, 'ADD'],
  [1, 'AVERAGE_POOL_2D'],
  [2, 'CONCATENATION'],
  [3, 'CONV_2D'],
  [4, 'DEPTHWISE_CONV_2D'],
  [9, 'FULLY_CONNECTED'],
  [11, 'L2_NORMALIZATION'],
  [14, 'LOGISTIC'],
  [17, 'MAX_POOL_2D'],
  [18, 'MUL'],
  [19, 'RELU'],
  [21, 'RELU6'],
  [22, 'RESHAPE'],
  [25, 'SOFTMAX'],
  [34, 'PAD'],
  [40, 'MEAN'],
  [41, 'SUB'],
  [42, 'DIV'],
  [43, 'SQUEEZE'],
  [47, 'EXP'],
  [54, 'PRELU'],
  [55, 'MAXIMUM'],
  [57, 'MINIMUM'],
  [59, 'NEG'],
  [75, 'SQRT'],
  [76, 'RSQRT'],
  [101, 'ABS'],
]) // prettier-ignore
const UNARY = {
  RELU: 'Relu',
  LOGISTIC: 'Sigmoid',
  NEG: 'Neg',
  EXP: 'Exp',
  ABS: 'Abs',
  SQRT: 'Sqrt',
}
const BINARY = {
  ADD: 'Add',
  SUB: 'Sub',
  MUL: 'Mul',
  DIV: 'Div',
  MAXIMUM: 'Max',
  MINIMUM: 'Min',
  PRELU: 'PRelu',
}
const PADDING = ['SAME_UPPER', 'VALID']
const FLOAT32 = 0
const INT32 = 2

/** @param {Buffer} buffer */
function readModel(buffer) {
  const model = Table.root(buffer)
  const codes = model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)))
  const buffers = model.tables(4)
  const [subgraph] = model.tables(2)
  const tensors = subgraph.tables(0).map((tensor) => {
    const shape = tensor.ints(0)
    const type = tensor.int8(1)
    const raw = buffers[tensor.int32(2)].bytes(0)
    const length = shape.reduce((product, size) => product * size, 1)
    const constant = () => {
      if (!raw.length) return undefined
      if (type === FLOAT32) return Float32Array.from({ length }, (_, i) => raw.readFloatLE(4 * i))
      if (type === INT32) return Int32Array.from({ length }, (_, i) => raw.readInt32LE(4 * i))
      throw new Error(`tensor ${tensor.string(3)}: type ${type} is not supported`)
    }
    return { name: tensor.string(3), shape, constant }
  })
  const operators = subgraph.tables(3).map((operator) => {
    const code = codes[operator.int32(0)]
    return {
      type: OPERATORS.get(code) ?? `operator ${code}`,
      inputs: operator.ints(1),
      output: operator.ints(2)[0],
      options: operator.table(4) ?? Table.empty(),
    }
  })
  return { tensors, operators, inputs: subgraph.ints(1), outputs: subgraph.ints(2) }
}

/**
 * @param {Buffer} file @param {string} producer
 * @returns {Buffer} ONNX: input `input`, outputs `out0`, `out1`, …
 */
export function tfliteToOnnx(file, producer) {
  const model = readModel(file)
  const graph = new OnnxGraph('tflite')
  /** @type {Map<number, string>} */ const values = new Map()

  const constant = (/** @type {number} */ index) => {
    const { constant: read, name } = model.tensors[index]
    const data = read()
    if (!data) throw new Error(`tensor ${name} is not a constant`)
    return data
  }
  const value = (/** @type {number} */ index) => {
    const known = values.get(index)
    if (known !== undefined) return known
    const data = constant(index)
    const { shape } = model.tensors[index]
    const name =
      data instanceof Int32Array ? graph.ints(data, shape) : graph.floats(data, shape, `W${index}`)
    values.set(index, name)
    return name
  }
  const toChannelsFirst = (/** @type {string} */ x) =>
    graph.node('Transpose', [x], { perm: [0, 3, 1, 2] })
  const toChannelsLast = (/** @type {string} */ x) =>
    graph.node('Transpose', [x], { perm: [0, 2, 3, 1] })

  /** @param {string} x @param {number} [activation] TensorFlow Lite's ActivationFunctionType */
  function activate(x, activation = 0) {
    if (activation === 0) return x
    if (activation === 1) return graph.node('Relu', [x])
    if (activation === 3)
      return graph.node('Clip', [x, graph.floats([0], []), graph.floats([6], [])])
    throw new Error(`activation ${activation} is not supported`)
  }

  /** @param {Operator} operator @param {boolean} depthwise */
  function convolution({ inputs: [x, filter, bias], options }, depthwise) {
    const { shape } = model.tensors[filter]
    const [first, height, width, last] = shape
    const dims = depthwise ? [last, 1, height, width] : [first, last, height, width]
    const image = toChannelsFirst(value(x))
    const weights = graph.floats(
      transpose(constant(filter), shape, depthwise ? [3, 0, 1, 2] : [0, 3, 1, 2]),
      dims,
    )
    const dilation = depthwise
      ? [options.int32(6, 1), options.int32(5, 1)]
      : [options.int32(5, 1), options.int32(4, 1)]
    const y = graph.node('Conv', [image, weights, ...(bias >= 0 ? [value(bias)] : [])], {
      kernel_shape: [height, width],
      ...(depthwise ? { group: model.tensors[x].shape[3] } : {}),
      auto_pad: PADDING[options.int8(0)],
      strides: [options.int32(2, 1), options.int32(1, 1)],
      ...(dilation[0] > 1 ? { dilations: dilation } : {}),
    })
    return activate(toChannelsLast(y), options.int8(depthwise ? 4 : 3))
  }

  /** @param {Operator} operator */
  function pool({ type, inputs: [x], options }) {
    const y = graph.node(
      type === 'MAX_POOL_2D' ? 'MaxPool' : 'AveragePool',
      [toChannelsFirst(value(x))],
      {
        kernel_shape: [options.int32(4), options.int32(3)],
        strides: [options.int32(2), options.int32(1)],
        auto_pad: PADDING[options.int8(0)],
      },
    )
    return activate(toChannelsLast(y), options.int8(5))
  }

  /** @param {Operator} operator */
  function fullyConnected({ inputs: [x, weights, bias], output, options }) {
    const { shape } = model.tensors[weights]
    const flat = graph.node('Reshape', [value(x), graph.ints([-1, shape[1]])])
    const matrix = graph.floats(transpose(constant(weights), shape, [1, 0]), [shape[1], shape[0]])
    let y = graph.node('MatMul', [flat, matrix])
    if (bias >= 0) y = graph.node('Add', [y, value(bias)])
    y = activate(y, options.int8(0))
    const { shape: result } = model.tensors[output]
    return result.length === 2
      ? y
      : graph.node('Reshape', [y, graph.ints([-1, ...result.slice(1)])])
  }

  /** @param {string} x */
  function normalise(x) {
    const sum = graph.node('ReduceSum', [graph.node('Mul', [x, x]), graph.ints([-1])], {
      keepdims: 1,
    })
    const length = graph.node('Max', [graph.node('Sqrt', [sum]), graph.floats([1e-6], [])])
    return graph.node('Div', [x, length])
  }

  /** @param {Operator} operator */
  function convert(operator) {
    const { type, inputs, output, options } = operator
    if (type in UNARY)
      return graph.node(UNARY[/** @type {keyof typeof UNARY} */ (type)], [value(inputs[0])])
    if (type in BINARY) {
      const y = graph.node(BINARY[/** @type {keyof typeof BINARY} */ (type)], [
        value(inputs[0]),
        value(inputs[1]),
      ])
      return ['ADD', 'SUB', 'MUL', 'DIV'].includes(type) ? activate(y, options.int8(0)) : y
    }
    switch (type) {
      case 'CONV_2D':
        return convolution(operator, false)
      case 'DEPTHWISE_CONV_2D':
        return convolution(operator, true)
      case 'AVERAGE_POOL_2D':
      case 'MAX_POOL_2D':
        return pool(operator)
      case 'FULLY_CONNECTED':
        return fullyConnected(operator)
      case 'L2_NORMALIZATION':
        return normalise(value(inputs[0]))
      case 'RELU6':
        return activate(value(inputs[0]), 3)
      case 'RSQRT':
        return graph.node('Reciprocal', [graph.node('Sqrt', [value(inputs[0])])])
      case 'SOFTMAX':
        return graph.node('Softmax', [value(inputs[0])], { axis: -1 })
      case 'RESHAPE':
      case 'SQUEEZE':
        return graph.node('Reshape', [
          value(inputs[0]),
          graph.ints([-1, ...model.tensors[output].shape.slice(1)]),
        ])
      case 'CONCATENATION':
        return graph.node('Concat', inputs.map(value), { axis: options.int32(0) })
      case 'PAD': {
        const pairs = Array.from(constant(inputs[1]))
        const before = pairs.filter((_, i) => i % 2 === 0)
        const after = pairs.filter((_, i) => i % 2 === 1)
        return graph.node('Pad', [value(inputs[0]), graph.ints([...before, ...after])])
      }
      case 'MEAN':
        return graph.node('ReduceMean', [value(inputs[0])], {
          axes: Array.from(constant(inputs[1])),
          keepdims: options.int8(0),
        })
      default:
        throw new Error(`${type} is not supported`)
    }
  }

  model.inputs.forEach((index, i) => {
    const name = model.inputs.length > 1 ? `input${i}` : 'input'
    values.set(index, graph.input(name, ['N', ...model.tensors[index].shape.slice(1)]))
  })
  for (const operator of model.operators) values.set(operator.output, convert(operator))
  for (const [i, index] of model.outputs.entries())
    graph.output(graph.node('Identity', [value(index)], {}, `out${i}`))
  return graph.encode({ opset: 14, producer })
}

/** @typedef {ReturnType<typeof readModel>['operators'][number]} Operator */
