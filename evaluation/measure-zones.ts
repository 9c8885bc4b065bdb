import { interpretDocument } from '../issuer/evidence/document/document-evidence.ts'
import type { CardModels } from '../issuer/evidence/document/flat-card.ts'
import { readPage, readSide } from '../issuer/evidence/document/read-document.ts'
import type { MrzModels } from '../issuer/evidence/document/read-mrz.ts'
import { decodeImage } from '../issuer/evidence/image.sharp.ts'
import type { Part } from './dataset.ts'
import { DEGRADATIONS } from './degrade.ts'
import { generateDocuments } from './generated-documents.ts'
import { type Rate, rate } from './statistics.ts'

/** What the reader made of one kind of rendering. */
export interface ZoneRow {
  readonly name: string
  readonly description: string
  /** Every character of every line as drawn. */
  readonly whole: Rate
  /** `ok` among those that are whole. */
  readonly ok: Rate
  /** Not whole and yet `ok`: must be none. */
  readonly wrongOk: number
  /** Whole without laying the page flat, where that was measured. */
  readonly direct?: Rate
}

/** What is read and with what. */
export interface ZoneMeasurement {
  readonly models: MrzModels & CardModels
  readonly font: Buffer
  readonly part: Part
  readonly count: (degradation: string) => number
  /** Names of degradations, comma between. */
  readonly only?: string | undefined
  readonly report?: (line: string) => void
}

const NOW = 1_790_000_000
const SIDE = 2400
const STRONG = 'strong perspective'

/** Draws documents of every format, degrades them and reads their zones. */
export async function measureZones(measurement: ZoneMeasurement): Promise<readonly ZoneRow[]> {
  const { models, font, part, count, only, report = () => {} } = measurement
  const rows: ZoneRow[] = []
  for (const [seed, degradation] of DEGRADATIONS.entries()) {
    if (only && !only.split(',').includes(degradation.name)) continue
    const { name } = degradation
    const tally = { direct: 0, whole: 0, ok: 0, wrongOk: 0, of: 0 }
    const wanted = { part, count: count(degradation.name), font, seed }
    for await (const { type, lines, image } of generateDocuments(degradation, wanted)) {
      const decoded = await decodeImage(image, { longestSide: SIDE })
      const side = (await readPage(models, decoded)).page
      const direct = name === STRONG ? await readSide(models, decoded) : undefined
      if (direct?.zone.mrz.lines.join('\n') === lines.join('\n')) tally.direct += 1
      const reading = side?.zone
      const whole = reading?.mrz.lines.join('\n') === lines.join('\n')
      const document = side && interpretDocument(side, NOW).document
      const ok = document?.reading === 'ok'
      tally.of += 1
      if (whole) tally.whole += 1
      if (whole && ok) tally.ok += 1
      if (!whole && ok) tally.wrongOk += 1
      if (!whole || !ok) {
        const read = reading?.mrz.lines.join('\n      ') ?? 'nothing'
        const second =
          reading?.positions
            .map((line) => line.map((p) => p.second ?? '·').join(''))
            .join('\n      ') ?? ''
        report(
          `${degradation.name} ${type} ${whole ? 'whole' : 'WRONG'} ${ok ? 'ok' : 'uncertain'}\n      ${lines.join('\n      ')}\n  as  ${read}\n  2nd ${second}\n  printed ${JSON.stringify(document?.printedZone)} ${side?.printed.map(({ text }) => text).join(' | ')}`,
        )
      }
    }
    rows.push({
      name: degradation.name,
      description: degradation.description,
      whole: rate(tally.whole, tally.of),
      ok: rate(tally.ok, tally.whole),
      wrongOk: tally.wrongOk,
      ...(name === STRONG ? { direct: rate(tally.direct, tally.of) } : {}),
    })
  }
  return rows
}
