import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readBarcodes } from 'zxing-wasm/reader'
import { readBarcodesOf } from '../issuer/evidence/document/barcode.zxing.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { readDataSet } from './dataset.ts'
import { type Rate, rate } from './statistics.ts'

/** Photographs of PDF417 codes with their text, read by us and by the library alone. */
export interface BarcodeFigures {
  readonly digest: string
  readonly ours: Rate
  readonly alone: Rate
}

/** Reads every picture of a folder whose text lies beside it. Nothing is tuned here, so both parts are counted. */
export async function measureBarcodes(folder: string): Promise<BarcodeFigures> {
  const { digest, items } = await readDataSet(folder, ['.png', '.jpg'])
  let [ours, alone] = [0, 0]
  for (const { path, bytes } of items) {
    const truth = await readFile(join(folder, path.replace(/\.\w+$/, '.txt'))).catch(
      () => undefined,
    )
    const expected = truth?.toString('utf8').trimEnd()
    const isRight = (text: string) => expected === undefined || text.trimEnd() === expected
    const image = await decodeImage(bytes, { longestSide: 2400, smallestSide: 16 }).catch(
      () => undefined,
    )
    if (image && (await readBarcodesOf(image)).some(({ text }) => isRight(text))) ours += 1
    const plain = await readBarcodes(bytes, { formats: ['PDF417'] }).catch(() => [])
    if (plain.some(({ text }) => isRight(text))) alone += 1
  }
  return { digest, ours: rate(ours, items.length), alone: rate(alone, items.length) }
}
