import { type CardPrint, type CardText, drawCard, LABEL_INK, TITLE_INK } from './card.ts'
import { printedDate } from './document.ts'
import type { Holder } from './holders.ts'
import { zoneLines } from './zone.ts'

/** ICAO 9303-5: three lines on the back of the card. */
const ZONE = { left: 4.7, baselines: [36.2, 42.2, 48.2], pitch: 2.54, size: 3.53 }

/** Draws the front of an identity card of Utopia: print and portrait, no zone. */
export async function drawIdentityFront(
  holder: Holder,
  { portrait, ghost = portrait }: { readonly portrait: Uint8Array; readonly ghost?: Uint8Array },
  print: CardPrint,
): Promise<Buffer> {
  const rows = [
    ['Document no', holder.number],
    ['Surname', holder.surname],
    ['Given names', holder.givenNames],
    ['Date of birth', printedDate(holder.birth)],
    ['Date of issue', printedDate(holder.issued)],
    ['Expiry', printedDate(holder.expiry)],
  ] as const
  return await drawCard(
    {
      background: '#eaf1ee',
      texts: [
        { text: 'UTOPIA', x: 4, y: 7, size: 3.2, fill: '#1d4a5f' },
        { text: 'IDENTITY CARD', x: 29, y: 7, size: 3.2, fill: '#1d4a5f' },
        { text: 'SPECIMEN', x: 66, y: 7, size: 2.2, fill: TITLE_INK },
        ...rows.flatMap(([label, value], i): CardText[] => [
          { text: label, x: 29, y: 12.4 + 6.4 * i, size: 1.6, fill: LABEL_INK },
          { text: value, x: 29, y: 15.6 + 6.4 * i, size: 2.6 },
        ]),
      ],
      pictures: [
        { image: portrait, x: 4, y: 11, width: 21.5, height: 27.5 },
        { image: ghost, x: 70, y: 34, width: 11, height: 14, faded: true },
      ],
    },
    print,
  )
}

/** Draws the back of an identity card of Utopia: the machine-readable zone. ICAO 9303-5. */
export async function drawIdentityBack(holder: Holder, print: CardPrint): Promise<Buffer> {
  return await drawCard(
    {
      background: '#eaf1ee',
      shapes: '<rect y="30" width="85.6" height="24" fill="#f7f8f5"/>',
      texts: [
        { text: 'SPECIMEN', x: 4, y: 7, size: 2.4, fill: TITLE_INK },
        { text: 'Place of birth', x: 4, y: 13, size: 1.6, fill: LABEL_INK },
        { text: 'PORT UTOPIA', x: 4, y: 16.4, size: 2.6 },
        ...zoneLines('TD1', holder).map((text, i) => ({
          text,
          x: ZONE.left,
          y: ZONE.baselines[i] ?? 0,
          size: ZONE.size,
          pitch: ZONE.pitch,
        })),
      ],
    },
    print,
  )
}
