/** Reads tables of a FlatBuffer by field number; an absent field gives the default. */
export class Table {
  #buffer
  #position
  #vtable
  #vtableLength

  /** @param {Buffer} buffer @param {number} position */
  constructor(buffer, position) {
    this.#buffer = buffer
    this.#position = position
    this.#vtable = position - buffer.readInt32LE(position)
    this.#vtableLength = buffer.readUInt16LE(this.#vtable)
  }

  /** @param {Buffer} buffer */
  static root(buffer) {
    return new Table(buffer, buffer.readUInt32LE(0))
  }

  /** A table without fields: every read gives its default. */
  static empty() {
    return new Table(Buffer.from([4, 0, 4, 0, 4, 0, 0, 0]), 4)
  }

  /** @param {number} field @returns {number | undefined} */
  #locate(field) {
    const slot = 4 + 2 * field
    const offset = slot < this.#vtableLength ? this.#buffer.readUInt16LE(this.#vtable + slot) : 0
    return offset ? this.#position + offset : undefined
  }

  /** @param {number} at */
  #follow(at) {
    return at + this.#buffer.readUInt32LE(at)
  }

  /** @param {number} field @param {number} [otherwise] */
  int8(field, otherwise = 0) {
    const at = this.#locate(field)
    return at === undefined ? otherwise : this.#buffer.readInt8(at)
  }

  /** @param {number} field @param {number} [otherwise] */
  int32(field, otherwise = 0) {
    const at = this.#locate(field)
    return at === undefined ? otherwise : this.#buffer.readInt32LE(at)
  }

  /** @param {number} field @returns {Table | undefined} */
  table(field) {
    const at = this.#locate(field)
    return at === undefined ? undefined : new Table(this.#buffer, this.#follow(at))
  }

  /** @param {number} field */
  #vector(field) {
    const at = this.#locate(field)
    if (at === undefined) return { length: 0, start: 0 }
    const vector = this.#follow(at)
    return { length: this.#buffer.readUInt32LE(vector), start: vector + 4 }
  }

  /** @param {number} field */
  tables(field) {
    const { length, start } = this.#vector(field)
    return Array.from({ length }, (_, i) => new Table(this.#buffer, this.#follow(start + 4 * i)))
  }

  /** @param {number} field */
  ints(field) {
    const { length, start } = this.#vector(field)
    return Array.from({ length }, (_, i) => this.#buffer.readInt32LE(start + 4 * i))
  }

  /** @param {number} field */
  bytes(field) {
    const { length, start } = this.#vector(field)
    return this.#buffer.subarray(start, start + length)
  }

  /** @param {number} field */
  string(field) {
    return this.bytes(field).toString('utf8')
  }
}
