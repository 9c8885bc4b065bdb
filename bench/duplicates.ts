import { parseArgs } from 'node:util'
import { openDuplicateIndex } from '../issuer/evidence/face/duplicate-index.ts'
import { compare, renderRows } from './ratio.ts'

/**
 * An exact search among 10^6 templates against reading the same memory once, by the C library's search for a byte that
 * is not there. `--templates N` takes fewer.
 */
const { values } = parseArgs({ options: { templates: { type: 'string', default: '1000000' } } })
const COUNT = Number(values.templates)
const DIMENSIONS = 192

const memory = Buffer.alloc(COUNT * DIMENSIONS * 4, 1)
const index = openDuplicateIndex({ dimensions: DIMENSIONS, capacity: COUNT })
const template = new Float32Array(DIMENSIONS)
for (let i = 0; i < COUNT; i++) {
  for (let k = 0; k < DIMENSIONS; k++) template[k] = Math.sin(i * 0.37 + k * 1.7) / 10
  index.add(`${i}`, template, Number.MAX_SAFE_INTEGER)
}

const rows = await compare(
  [
    {
      name: 'reading the memory',
      run: () => {
        if (memory.indexOf(2) !== -1) throw new Error('the byte is not there')
      },
    },
    {
      name: 'searching it',
      run: () => {
        const hits = index.search(template, { threshold: 0.95, limit: 5, now: 0 })
        if (hits.length === 0) throw new Error('the template is there')
      },
    },
  ],
  { iterations: 1, rounds: 7 },
)
console.log(`${COUNT} templates of ${DIMENSIONS} numbers\n\n${renderRows(rows)}`)
