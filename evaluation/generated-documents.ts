import { drawDocument } from '../demo/specimen/document.ts'
import type { Holder } from '../demo/specimen/holders.ts'
import { type ZoneType, zoneLines } from '../demo/specimen/zone.ts'
import { sha256Hex } from '../shared/hash.ts'
import { type Part, partOf } from './dataset.ts'
import type { Degradation } from './degrade.ts'
import { randomHolder } from './holders.ts'
import { seededRandom } from './random.ts'

/** A drawn document, what it says, and how it was made worse. */
export interface GeneratedDocument {
  readonly type: ZoneType
  readonly holder: Holder
  readonly lines: readonly string[]
  readonly image: Buffer
  readonly sha256: string
}

const TYPES: readonly ZoneType[] = ['TD3', 'TD1', 'TD2', 'MRVA', 'MRVB']

/**
 * Draws documents from consecutive seeds, every type in turn, and keeps those of one part until there are `count`. The
 * digest of the drawn bytes decides the part, so no seed can be chosen for it.
 */
export async function* generateDocuments(
  degradation: Degradation,
  { part, count, font, seed }: { part: Part; count: number; font: Buffer; seed: number },
): AsyncGenerator<GeneratedDocument> {
  for (let i = 0, found = 0; found < count; i++) {
    const random = seededRandom(seed * 100_003 + i)
    const holder = randomHolder(random)
    const type = TYPES[i % TYPES.length] ?? 'TD3'
    const page = await drawDocument({ type, holder, font })
    const sha256 = sha256Hex(page)
    if (partOf(sha256) !== part) continue
    found += 1
    const image = await degradation.apply(page, random)
    yield { type, holder, lines: zoneLines(type, holder), image, sha256 }
  }
}
