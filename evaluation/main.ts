import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ensureModelFiles } from '../issuer/evidence/model.onnx.ts'
import { supplyFiles } from '../issuer/evidence/model-supply.ts'
import { openReader } from '../issuer/evidence/pipeline.onnx.ts'
import type { Part } from './dataset.ts'
import { measureZones } from './measure-zones.ts'
import { renderRate } from './statistics.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    row: { type: 'string' },
    part: { type: 'string', default: 'reporting' },
    count: { type: 'string', default: '40' },
    verbose: { type: 'boolean', default: false },
  },
})
const say = (line: string) => process.stdout.write(`${line}\n`)

const specimens = await supplyFiles('demo/specimen/manifest.json')
const font = await readFile(specimens['font-ocr-b'] ?? '')
const reader = await openReader(await ensureModelFiles({ report: say }), { threads: 1 })
const started = performance.now()
const rows = await measureZones({
  models: reader.models.mrz,
  font,
  part: values.part as Part,
  count: () => Number(values.count),
  only: values.row,
  ...(values.verbose ? { report: say } : {}),
})
for (const { name, whole, ok, wrongOk } of rows) {
  say(`${name.padEnd(12)} whole ${renderRate(whole)}  ok ${renderRate(ok)}  wrong ok ${wrongOk}`)
}
say(`${Math.round((performance.now() - started) / 1000)} s`)
