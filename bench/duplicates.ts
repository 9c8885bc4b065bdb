import { parseArgs } from 'node:util'
import { seededRandom } from '../evaluation/random.ts'
import { openGrowingIndex } from '../issuer/evidence/face/duplicate-index.ts'
import { compare, renderRows } from './ratio.ts'

/**
 * An exact search among 10^6 templates beside plain reads of memory: one pass of the C library's search for a byte that is
 * not there (`memchr`, one thread), over as many bytes as the templates have in full (four a number) and over those that the
 * search reads (one a number). `--templates N` takes fewer.
 */
const { values } = parseArgs({ options: { templates: { type: 'string', default: '1000000' } } })
const COUNT = Number(values.templates)
const DIMENSIONS = 192

const whole = Buffer.alloc(COUNT * DIMENSIONS * 4, 1)
const scanned = Buffer.alloc(COUNT * DIMENSIONS, 1)
const read = (memory: Buffer) => () => {
  if (memory.indexOf(2) !== -1) throw new Error('the byte is not there')
}
const index = openGrowingIndex(DIMENSIONS)
const random = seededRandom(1)
const template = new Float32Array(DIMENSIONS)
for (let i = 0; i < COUNT; i++) {
  fillUnit(template)
  index.add(`${i}`, template, Number.MAX_SAFE_INTEGER)
}

/** Directions without a preference, as far apart as embeddings of strangers are. */
function fillUnit(target: Float32Array): void {
  let sum = 0
  for (let k = 0; k < DIMENSIONS; k++) {
    const value = random() + random() + random() - 1.5
    target[k] = value
    sum += value ** 2
  }
  const length = Math.sqrt(sum)
  for (let k = 0; k < DIMENSIONS; k++) target[k] = (target[k] as number) / length
}

const rows = await compare(
  [
    { name: 'reading the templates, 4 bytes a number', run: read(whole) },
    { name: 'reading 1 byte a number', run: read(scanned) },
    {
      name: 'searching the templates, exact',
      run: () => {
        const hits = index.search(template, { threshold: 0.6, limit: 5, now: 0 })
        if (hits.length === 0) throw new Error('the template is there')
      },
    },
  ],
  { iterations: 1, rounds: 11 },
)
console.log(`${COUNT} templates of ${DIMENSIONS} numbers\n\n${renderRows(rows)}`)
