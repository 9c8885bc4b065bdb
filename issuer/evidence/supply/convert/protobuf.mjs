/**
 * Protobuf wire format, writing only: the four kinds of field that ONNX needs.
 * A message is a list of fields; a field is the bytes one of these functions returns.
 */

/** @param {number | bigint} value a negative value takes ten bytes, as two's complement of 64 bits */
function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes = []
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

const tag = (/** @type {number} */ field, /** @type {number} */ wireType) =>
  varint(field * 8 + wireType)

/** @param {number} field @param {number | bigint} value */
export const int = (field, value) => Buffer.concat([tag(field, 0), varint(value)])

/** @param {number} field @param {number} value */
export function float(field, value) {
  const body = Buffer.alloc(4)
  body.writeFloatLE(value)
  return Buffer.concat([tag(field, 5), body])
}

/** @param {number} field @param {Uint8Array} body */
export const bytes = (field, body) => Buffer.concat([tag(field, 2), varint(body.length), body])

/** @param {number} field @param {string} text */
export const string = (field, text) => bytes(field, Buffer.from(text, 'utf8'))

/** @param {number} field @param {Uint8Array[]} fields */
export const message = (field, fields) => bytes(field, Buffer.concat(fields))

/** @param {number} field @param {readonly number[]} values */
export const packedInts = (field, values) =>
  values.length ? [message(field, values.map(varint))] : []
