import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { interpretDocument } from '../issuer/evidence/document/document-evidence.ts'
import type { CardModels } from '../issuer/evidence/document/flat-card.ts'
import { layoutOf, parseMrz, repairByPosition } from '../issuer/evidence/document/mrz.ts'
import { readPage } from '../issuer/evidence/document/read-document.ts'
import type { MrzModels } from '../issuer/evidence/document/read-mrz.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import { packageRoot } from '../shared/package-root.ts'
import { readDataSet } from './dataset.ts'
import { type Rate, rate } from './statistics.ts'

/** Photographs of specimens, whose truth nobody wrote down: what is counted is zones with every check digit right. */
export interface PhotographFigures {
  readonly digest: string
  readonly ours: Rate
  readonly ok: Rate
  readonly plain: Rate | undefined
  readonly perFile: readonly string[]
}

type PlainReader = (image: unknown) => Promise<readonly { text: string }[]>

const NOW = 1_790_000_000

/** Reads the same photographs with the pipeline and with the plain reader that lies beside the data. */
export async function measurePhotographs(
  models: MrzModels & CardModels,
  {
    folder,
    example,
    paths,
  }: { folder: string; example: string; paths: Readonly<Record<string, string>> },
): Promise<PhotographFigures> {
  const { digest, items } = await readDataSet(folder, ['.jpg', '.png'])
  const plainReader = await openPlainReader(example, paths)
  const perFile: string[] = []
  let [ours, ok, plain] = [0, 0, 0]
  for (const { path, bytes } of items) {
    const image = await decodeImage(bytes, { longestSide: 2400, smallestSide: 16 })
    const side = (await readPage(models, image)).page
    const whole = side?.zone.mrz.checkDigits.every(({ valid }) => valid) ?? false
    const document = side && interpretDocument(side, NOW).document
    const plainWhole = plainReader ? await plainReader(bytes) : false
    if (whole) ours += 1
    if (whole && document?.reading === 'ok') ok += 1
    if (plainWhole) plain += 1
    perFile.push(
      `${path}: ${whole ? 'whole' : '-'} ${document?.reading ?? '-'} ${document?.type ?? '-'}, plain ${plainWhole ? 'whole' : '-'}`,
    )
  }
  return {
    digest,
    ours: rate(ours, items.length),
    ok: rate(ok, ours),
    plain: plainReader ? rate(plain, items.length) : undefined,
    perFile,
  }
}

/** The plain reader is copied beside our packages, where it finds what it imports. */
async function openPlainReader(
  example: string,
  paths: Readonly<Record<string, string>>,
): Promise<((bytes: Buffer) => Promise<boolean>) | undefined> {
  const copy = join(packageRoot, 'dist/plain-reader')
  await rm(copy, { recursive: true, force: true })
  await mkdir(copy, { recursive: true })
  await cp(join(example, 'vision'), copy, { recursive: true })
  const load = async (file: string) => await import(pathToFileURL(join(copy, file)).href)
  const { openMrzReader } = await load('mrz.mjs')
  const { decodeImage: decodePlain } = await load('image.mjs')
  const read: PlainReader = await openMrzReader(paths, paths['mrz-line'])
  return async (bytes) => {
    const lines = (await read(await decodePlain(bytes))).map(({ text }) => text)
    return [2, 3].some((count) => lines.some((_, i) => isWhole(lines.slice(i, i + count))))
  }
}

function isWhole(lines: readonly string[]): boolean {
  const layout = layoutOf(lines)
  if (!layout) return false
  const { checkDigits } = parseMrz(repairByPosition(lines, layout).lines, layout)
  return checkDigits.every(({ valid }) => valid)
}
