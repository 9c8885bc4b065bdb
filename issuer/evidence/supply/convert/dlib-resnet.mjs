/**
 * dlib's face recognition ResNet (128-D), from the quantised weights of @vladmandic/face-api.
 * The scale layer that follows each convolution is folded into it.
 */
import { OnnxGraph } from './onnx-graph.mjs'
import { decodeWeights, transpose } from './weights.mjs'

const SIZE = 150
const MEAN_RGB = [122.782, 117.001, 104.298]
const STAGES = [
  { residual: ['conv32_1', 'conv32_2', 'conv32_3'] },
  { down: 'conv64_down', residual: ['conv64_1', 'conv64_2', 'conv64_3'] },
  { down: 'conv128_down', residual: ['conv128_1', 'conv128_2'] },
  { down: 'conv256_down', residual: ['conv256_1', 'conv256_2'] },
  { down: 'conv256_down_out', residual: [] },
]
const afterStride2 = (/** @type {number} */ size, /** @type {number} */ kernel) =>
  Math.floor((size - kernel) / 2) + 1

/**
 * @param {import('./weights.mjs').WeightManifest} manifest
 * @param {(path: string) => Buffer} read
 * @param {string} producer
 * @returns {Buffer} ONNX: input N×3×150×150 of RGB 0..255, output `descriptor` N×128
 */
export function dlibResnetToOnnx(manifest, read, producer) {
  const weights = decodeWeights(manifest, read)
  const graph = new OnnxGraph('dlib_resnet')
  const weight = (/** @type {string} */ name) => {
    const found = weights.get(name)
    if (!found) throw new Error(`dlib weights lack ${name}`)
    return found
  }

  /** @param {string} x @param {string} layer @param {{ stride?: number, relu?: boolean, padded?: boolean }} options */
  function convolution(x, layer, { stride = 1, relu = false, padded = true }) {
    const { dims, data } = weight(`${layer}/conv/filters`)
    const [height, width, channelsIn, channelsOut] = dims
    const scale = weight(`${layer}/scale/weights`).data
    const shift = weight(`${layer}/scale/biases`).data
    const perOutput = channelsIn * height * width
    const filters = transpose(data, dims, [3, 2, 0, 1]).map(
      (value, i) => value * scale[Math.floor(i / perOutput)],
    )
    const bias = Float32Array.from(
      weight(`${layer}/conv/bias`).data,
      (value, i) => value * scale[i] + shift[i],
    )
    const pad = padded ? (height - 1) / 2 : 0
    const y = graph.node(
      'Conv',
      [
        x,
        graph.floats(filters, [channelsOut, channelsIn, height, width]),
        graph.floats(bias, [channelsOut]),
      ],
      { kernel_shape: [height, width], strides: [stride, stride], pads: [pad, pad, pad, pad] },
    )
    return relu ? graph.node('Relu', [y]) : y
  }

  const block = (
    /** @type {string} */ x,
    /** @type {string} */ layer,
    /** @type {object} */ first,
  ) => convolution(convolution(x, `${layer}/conv1`, { ...first, relu: true }), `${layer}/conv2`, {})
  const addRelu = (/** @type {string} */ a, /** @type {string} */ b) =>
    graph.node('Relu', [graph.node('Add', [a, b])])

  graph.input('input', ['N', 3, SIZE, SIZE])
  const mean = graph.floats(MEAN_RGB, [1, 3, 1, 1])
  const centred = graph.node('Sub', ['input', mean])
  let x = graph.node('Div', [centred, graph.floats([255], [])])
  x = convolution(x, 'conv32_down', { stride: 2, relu: true, padded: false })
  x = graph.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2] })
  let size = afterStride2(afterStride2(SIZE, 7), 3)
  let channels = 32

  /** Halves the image; dlib pads whichever branch is smaller with zeros. @param {string} layer */
  function down(layer) {
    const channelsOut = weight(`${layer}/conv2/conv/filters`).dims[3]
    let y = block(x, layer, { stride: 2, padded: false })
    let pooled = graph.node('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })
    const pooledSize = Math.floor(size / 2)
    if (afterStride2(size, 3) !== pooledSize)
      y = graph.node('Pad', [y, graph.ints([0, 0, 0, 0, 0, 0, 1, 1])])
    if (channelsOut !== channels)
      pooled = graph.node('Pad', [
        pooled,
        graph.ints([0, 0, 0, 0, 0, channelsOut - channels, 0, 0]),
      ])
    size = pooledSize
    channels = channelsOut
    return addRelu(pooled, y)
  }

  for (const stage of STAGES) {
    if (stage.down) x = down(stage.down)
    for (const layer of stage.residual) x = addRelu(block(x, layer, {}), x)
  }
  x = graph.node('Flatten', [graph.node('GlobalAveragePool', [x])], { axis: 1 })
  const { data, dims } = weight('fc')
  graph.node(
    'MatMul',
    [x, graph.floats(/** @type {Float32Array} */ (data), dims)],
    {},
    'descriptor',
  )
  graph.output('descriptor', ['N', dims[1]])
  return graph.encode({ opset: 13, producer })
}
