/**
 * A scan over templates of one byte a number, in WebAssembly with 128-bit vectors. It reads each byte once and keeps the
 * rows whose product with the query, times the row's scale, is at least `limit`.
 */
export interface SimilarityKernel {
  /** One row of `dimensions` signed bytes for each template. */
  readonly rows: Int8Array
  /** One factor for each row. */
  readonly scales: Float32Array
  /** The query, 14 bits and a sign each. */
  readonly query: Int16Array
  /** The indexes of the rows of the first `count` that reach `limit`, rising. It is overwritten by the next scan. */
  scan(count: number, limit: number): Uint32Array
}

/** A row times a query of this many bits cannot overflow 32 bits within {@link MAX_DIMENSIONS}. */
export const QUERY_BITS = 14
const MAX_DIMENSIONS = 1024
const VECTOR = 8
const PAGE = 65_536
const MAX_PAGES = 65_536

type Scan = (
  count: number,
  rows: number,
  scales: number,
  query: number,
  found: number,
  limit: number,
) => number

/** What we use of the WebAssembly JavaScript interface, which the types of Node.js leave out. */
interface WebAssemblyApi {
  readonly Memory: new (size: {
    readonly initial: number
    readonly maximum: number
  }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, object>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

/** Makes a kernel with room for `capacity` templates. Throws where they cannot be addressed. */
export function openSimilarityKernel(dimensions: number, capacity: number): SimilarityKernel {
  if (dimensions % VECTOR !== 0 || dimensions > MAX_DIMENSIONS || dimensions < VECTOR) {
    throw new Error(`dimensions must be a multiple of ${VECTOR} up to ${MAX_DIMENSIONS}`)
  }
  const query = 0
  const scales = MAX_DIMENSIONS * 2
  const found = scales + capacity * 4
  const rows = found + capacity * 4
  const pages = Math.ceil((rows + capacity * dimensions) / PAGE)
  if (pages > MAX_PAGES) throw new Error('so many templates cannot be addressed')
  const { Memory, Module, Instance } = (
    globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }
  ).WebAssembly
  const memory = new Memory({ initial: pages, maximum: pages })
  const module = new Module(assemble(dimensions))
  const instance = new Instance(module, { carnet: { memory } })
  const scan = instance.exports.scan as Scan
  return {
    rows: new Int8Array(memory.buffer, rows, capacity * dimensions),
    scales: new Float32Array(memory.buffer, scales, capacity),
    query: new Int16Array(memory.buffer, query, dimensions),
    scan: (count, limit) => {
      const length = scan(count, rows, scales, query, found, limit)
      return new Uint32Array(memory.buffer, found, length)
    },
  }
}

/** WebAssembly Core 2.0 §5.4, by their names in the text format. */
const OP = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  end: [0x0b],
  br: [0x0c],
  brIf: [0x0d],
  localGet: [0x20],
  localSet: [0x21],
  f32Load: [0x2a],
  i32Store: [0x36],
  i32Const: [0x41],
  i32GeU: [0x4f],
  f32Ge: [0x60],
  i32Add: [0x6a],
  i32Shl: [0x74],
  f32Mul: [0x94],
  f32ConvertI32S: [0xb2],
  v128Load: [0xfd, 0x00],
  v128Load8x8S: [0xfd, 0x01],
  i32x4ExtractLane: [0xfd, 0x1b],
  i32x4Add: [0xfd, 0xae, 0x01],
  i32x4DotI16x8S: [0xfd, 0xba, 0x01],
} as const
const TYPE = { i32: 0x7f, f32: 0x7d, v128: 0x7b, func: 0x60 } as const
/** Alignment of an access as a power of two. */
const ALIGN = { four: 2, eight: 3, sixteen: 4 } as const

/** Parameters and locals of the function, by position. */
const LOCAL = { count: 0, rows: 1, scales: 2, query: 3, found: 4, limit: 5, row: 6, length: 7 }
const FIRST_SUM = 8
const SUMS = 4

/** The module's bytes: `scan`, with the loop over one row unrolled. */
function assemble(dimensions: number): Uint8Array<ArrayBuffer> {
  const { i32, f32, v128, func } = TYPE
  const parameters = [i32, i32, i32, i32, i32, f32]
  const name = (text: string) => [...leb(text.length), ...Buffer.from(text)]
  const body = [
    // Two counters and the sums.
    ...[2, 2, i32, SUMS, v128],
    ...scanLoop(dimensions),
  ]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, func, parameters.length, ...parameters, 1, i32]),
    ...section(2, [1, ...name('carnet'), ...name('memory'), 0x02, 0x00, 0x01]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('scan'), 0x00, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ])
}

function scanLoop(dimensions: number): number[] {
  const { count, rows, scales, found, limit, row, length } = LOCAL
  const get = (local: number) => [...OP.localGet, local]
  const set = (local: number) => [...OP.localSet, local]
  const constant = (value: number) => [...OP.i32Const, ...signedLeb(value)]
  const advance = (local: number, by: number) => [
    ...[...get(local), ...constant(by)],
    ...[...OP.i32Add, ...set(local)],
  ]
  const keep = [
    ...[...get(found), ...get(length), ...constant(2), ...OP.i32Shl, ...OP.i32Add],
    ...[...get(row), ...OP.i32Store, ALIGN.four, 0],
    ...advance(length, 1),
  ]
  return [
    ...[...OP.block, ...OP.loop],
    ...[...get(row), ...get(count), ...OP.i32GeU, ...OP.brIf, 1],
    ...products(dimensions),
    ...sumOfLanes(),
    ...OP.f32ConvertI32S,
    ...[...get(scales), ...OP.f32Load, ALIGN.four, 0, ...OP.f32Mul],
    ...[...get(limit), ...OP.f32Ge, ...OP.if, ...keep, ...OP.end],
    ...[...advance(rows, dimensions), ...advance(scales, 4), ...advance(row, 1)],
    ...[...OP.br, 0, ...OP.end, ...OP.end],
    ...[...get(length), ...OP.end],
  ]
}

/** Eight numbers at a time, into sums in turn, so that no addition waits for the one before. */
function products(dimensions: number): number[] {
  return Array.from({ length: dimensions / VECTOR }, (_, step) => {
    const sum = FIRST_SUM + (step % SUMS)
    return [
      ...[...OP.localGet, LOCAL.rows, ...OP.v128Load8x8S, ALIGN.eight, ...leb(step * VECTOR)],
      ...[...OP.localGet, LOCAL.query, ...OP.v128Load, ALIGN.sixteen, ...leb(step * VECTOR * 2)],
      ...OP.i32x4DotI16x8S,
      ...(step < SUMS ? [] : [...OP.localGet, sum, ...OP.i32x4Add]),
      ...[...OP.localSet, sum],
    ]
  }).flat()
}

function sumOfLanes(): number[] {
  const used = [FIRST_SUM]
  const sums = Array.from({ length: SUMS }, (_, i) => [...OP.localGet, FIRST_SUM + i])
  const all = [
    ...sums.flat(),
    ...Array.from({ length: SUMS - 1 }, () => OP.i32x4Add).flat(),
    ...[...OP.localSet, ...used],
  ]
  const lanes = [0, 1, 2, 3].map((lane) => [
    ...[...OP.localGet, ...used, ...OP.i32x4ExtractLane, lane],
  ])
  return [...all, ...lanes.flat(), ...[1, 2, 3].flatMap(() => OP.i32Add)]
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content]
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]
}

function signedLeb(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signedLeb(value >>> 7)]
}
