import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import type { Image, Pixels } from '../image.ts'

/** A barcode on a document. */
export interface Barcode {
  readonly format: 'PDF417' | 'QRCode'
  readonly text: string
}

const WASM = 'zxing-wasm/reader/zxing_reader.wasm'
let prepared: Promise<unknown> | undefined

/** The reader's own loader would fetch its WebAssembly from a public server: it is given the installed file. */
function prepare(): Promise<unknown> {
  prepared ??= readFile(createRequire(import.meta.url).resolve(WASM)).then((bytes) =>
    prepareZXingModule({
      overrides: { wasmBinary: Uint8Array.from(bytes).buffer },
      fireImmediately: true,
    }),
  )
  return prepared
}

/** Reads PDF417 and QR codes: at the image's own size, and where that finds none at half and a quarter of it. */
export async function readBarcodesOf(image: Image): Promise<readonly Barcode[]> {
  await prepare()
  for (const level of image.levels) {
    const found = await readLevel(level)
    if (found.length > 0) return found
  }
  return []
}

async function readLevel({ width, height, rgb }: Pixels): Promise<readonly Barcode[]> {
  const data = new Uint8ClampedArray(width * height * 4).fill(255)
  for (let i = 0; i < width * height; i++) {
    data[4 * i] = rgb[3 * i] as number
    data[4 * i + 1] = rgb[3 * i + 1] as number
    data[4 * i + 2] = rgb[3 * i + 2] as number
  }
  const results = await readBarcodes(
    { data, width, height, colorSpace: 'srgb' } as Parameters<typeof readBarcodes>[0],
    {
      formats: ['PDF417', 'QRCode'],
      tryHarder: true,
      maxNumberOfSymbols: 4,
    },
  )
  return results
    .filter(({ isValid }) => isValid)
    .map(({ format, bytes }) => ({
      format: format === 'QRCode' ? 'QRCode' : 'PDF417',
      text: Buffer.from(bytes).toString('utf8'), // the library's own text spells control characters out
    }))
}
