import { basename } from 'node:path'
import { signsOf } from '../issuer/evidence/document/signs/signs.ts'
import type { Sign, SignName } from '../issuer/evidence/evidence.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import {
  type EvidenceModels,
  readDocumentImage,
  readSideOf,
} from '../issuer/evidence/read-images.ts'
import { type Part, readDataSet } from './dataset.ts'
import { ATTACKS, type Attack, generateAttacks } from './generated-attacks.ts'
import { type Rate, rate } from './statistics.ts'

/** How often each sign was raised on one kind of picture. */
export interface SignRow {
  readonly name: string
  readonly real: boolean
  readonly pictures: number
  readonly raised: Readonly<Record<SignName, Rate>>
  readonly any: Rate
}

/** What signs are measured on. */
export interface SignMeasurement {
  readonly models: EvidenceModels
  readonly font: Buffer
  readonly portraits: readonly Uint8Array[]
  readonly part: Part
  readonly count: number
  /** Photographs of specimens, where the data is there. */
  readonly photographs?: string | undefined
  readonly report?: (line: string) => void
}

const NOW = 1_790_000_000
const SIDE = 2400
const NAMES: readonly SignName[] = [
  'screen_recapture',
  'printed_copy',
  'portrait_replaced',
  'text_edited',
  'layout_inconsistent',
]

/** Reads generated attacks, generated genuine documents and photographs of specimens, and counts what is raised. */
export async function measureSigns(measurement: SignMeasurement): Promise<readonly SignRow[]> {
  const { photographs } = measurement
  const rows: SignRow[] = []
  for (const attack of ATTACKS) rows.push(await rowOfAttack(attack, measurement))
  if (photographs) rows.push(await rowOfPhotographs(photographs, measurement))
  return rows
}

async function rowOfAttack(attack: Attack, measurement: SignMeasurement): Promise<SignRow> {
  const { models, report = () => {} } = measurement
  const all: (readonly Sign[])[] = []
  for await (const { picture } of generateAttacks(attack, measurement)) {
    const image = await decodeImage(picture, { longestSide: SIDE })
    const signs = await readDocumentImage(models, image, NOW).then(
      (reading) => reading.signs,
      () => undefined,
    )
    if (!signs) continue
    all.push(signs)
    report(`${attack}: ${shown(signs)}`)
  }
  return rowOf(attack, false, all)
}

async function rowOfPhotographs(folder: string, measurement: SignMeasurement): Promise<SignRow> {
  const { models, part, report = () => {} } = measurement
  const { items } = await readDataSet(folder, ['.jpg', '.png'])
  const all: (readonly Sign[])[] = []
  for (const { path, bytes } of items.filter((item) => item.part === part)) {
    const image = await decodeImage(bytes, { longestSide: SIDE, smallestSide: 16 })
    const side = await readSideOf(models, image, NOW).catch(() => undefined)
    if (!side) continue
    const signs = signsOf({ image, side: 'front', read: side.read, zone: side.zone })
    all.push(signs)
    report(`photograph ${basename(path)}: ${shown(signs)}`)
  }
  return rowOf('photographs of specimens', true, all)
}

function rowOf(name: string, real: boolean, all: readonly (readonly Sign[])[]): SignRow {
  const isRaised = (signs: readonly Sign[], wanted?: SignName) =>
    signs.some(({ name: sign, value, limit }) => (!wanted || sign === wanted) && value >= limit)
  const raised = Object.fromEntries(
    NAMES.map((sign) => {
      const shownIn = all.filter((signs) => signs.some(({ name: each }) => each === sign))
      return [sign, rate(shownIn.filter((signs) => isRaised(signs, sign)).length, shownIn.length)]
    }),
  ) as Record<SignName, Rate>
  return {
    name,
    real,
    pictures: all.length,
    raised,
    any: rate(all.filter((signs) => isRaised(signs)).length, all.length),
  }
}

function shown(signs: readonly Sign[]): string {
  return signs.map(({ name, value }) => `${name} ${value}`).join(', ')
}
