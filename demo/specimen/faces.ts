import { readFile } from 'node:fs/promises'
import sharp, { type Region } from 'sharp'
import { supplyFiles } from '../../issuer/evidence/model-supply.ts'

/**
 * Pictures that the demo and the tests use, read from their packages at run time and never part of this project. The
 * portrait and the selfies of the worker are different moments of one recording session.
 */
export interface DemoFaces {
  /** The worker as on a passport photograph. */
  readonly portrait: Buffer
  /** The worker at another moment of the same session, then at a third. */
  readonly selfie: Buffer
  readonly secondSelfie: Buffer
  /** Somebody else. */
  readonly otherSelfie: Buffer
  /** A picture with two people. */
  readonly group: Buffer
  /** OCR-B as a TrueType file. */
  readonly font: Buffer
}

const PORTRAIT_CROP = { left: 150, top: 10, width: 440, height: 564 }
const OTHER_CROP = { left: 940, top: 120, width: 520, height: 640 }

/** Fetches the pictures where they are not in the cache yet; `report` is told. */
export async function demoFaces(
  options: { report?: (line: string) => void } = {},
): Promise<DemoFaces> {
  const paths = await supplyFiles('demo/specimen/manifest.json', options)
  const file = async (name: string) => await readFile(paths[name] ?? name)
  const selfie = await file('person-a-02159')
  const otherSelfie = await cropped(await file('person-b-1'), OTHER_CROP)
  return {
    portrait: await cropped(await file('person-a-portrait'), PORTRAIT_CROP),
    selfie,
    secondSelfie: await file('person-a-04117'),
    otherSelfie,
    group: await sideBySide(selfie, otherSelfie),
    font: await file('font-ocr-b'),
  }
}

async function cropped(source: Buffer, region: Region): Promise<Buffer> {
  return await sharp(source).extract(region).jpeg({ quality: 92 }).toBuffer()
}

async function sideBySide(left: Buffer, right: Buffer): Promise<Buffer> {
  const [one, two] = await Promise.all(
    [left, right].map((each) =>
      sharp(each).resize({ height: 576 }).toBuffer({ resolveWithObject: true }),
    ),
  )
  if (!one || !two) throw new Error('two pictures are needed')
  return await sharp({
    create: {
      width: one.info.width + two.info.width,
      height: 576,
      channels: 3,
      background: '#888',
    },
  })
    .composite([
      { input: one.data, left: 0, top: 0 },
      { input: two.data, left: one.info.width, top: 0 },
    ])
    .jpeg({ quality: 90 })
    .toBuffer()
}
