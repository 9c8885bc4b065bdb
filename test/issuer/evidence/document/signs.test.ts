import { expect } from 'chai'
import fc from 'fast-check'
import sharp from 'sharp'
import { drawLicenceFront, licenceOf } from '../../../../demo/specimen/driving-licence.ts'
import { type DemoFaces, demoFaces } from '../../../../demo/specimen/faces.ts'
import { WORKER } from '../../../../demo/specimen/holders.ts'
import { openFont } from '../../../../demo/specimen/truetype.ts'
import { genuine, onScreen, printed, textEdited } from '../../../../evaluation/attacks.ts'
import { seededRandom } from '../../../../evaluation/random.ts'
import { orderStatistic } from '../../../../issuer/evidence/document/signs/order-statistic.ts'
import { SIGN_LIMITS, signsOf } from '../../../../issuer/evidence/document/signs/signs.ts'
import { periodicityOf } from '../../../../issuer/evidence/document/signs/spectrum.ts'
import type { TextBox } from '../../../../issuer/evidence/document/text-lines.ts'
import type { SignName } from '../../../../issuer/evidence/evidence.ts'
import { decodeImage } from '../../../../issuer/evidence/image.sharp.ts'

/** Where the lines of the drawn licence are, in its pixels: surname to number, and categories. */
const LINES: readonly TextBox[] = [0, 1, 2, 3, 4, 5, 8].map((row) => ({
  cx: 470,
  cy: (13.2 + 4.3 * row) * 12 - 10,
  width: 210,
  height: 36,
  angle: 0,
}))

describe('signs of fraud', () => {
  let faces: DemoFaces
  let page: Buffer
  before(async () => {
    faces = await demoFaces()
    page = await drawLicenceFront(licenceOf(WORKER), { portrait: faces.portrait }, faces)
  })

  async function signs(
    picture: Buffer,
    likeness?: number,
  ): Promise<Partial<Record<SignName, number>>> {
    const image = await decodeImage(picture, { longestSide: 2400 })
    const read = { image, lines: LINES, alike: LINES }
    const portrait = { likeness }
    const found = signsOf({ image, side: 'front', read, portrait })
    expect(found.every(({ assurance }) => assurance === 'not_assured')).to.equal(true)
    return Object.fromEntries(found.map(({ name, value }) => [name, value]))
  }

  it('raise none for a photograph of a genuine card', async () => {
    for (const seed of [1, 2, 3]) {
      const found = await signs(await genuine(page, seededRandom(seed)), 5)
      for (const [name, value] of Object.entries(found)) {
        expect(value, name).to.be.below(SIGN_LIMITS[name as SignName])
      }
    }
  })

  it('say nothing of edited text in a picture without noise, which no camera took', async () => {
    const found = await signs(page)
    expect(found).to.not.have.property('text_edited')
    expect(await signs(await genuine(page, seededRandom(1)))).to.have.property('text_edited')
    for (const [name, value] of Object.entries(found)) {
      expect(value, name).to.be.below(SIGN_LIMITS[name as SignName])
    }
  })

  it('take a side without colours for a copy only where it has a portrait', async () => {
    const grey = await sharp(page).greyscale().toColourspace('srgb').png().toBuffer()
    const image = await decodeImage(grey, { longestSide: 2400 })
    const back = signsOf({ image, side: 'back', read: { image, lines: [], alike: [] } })
    const copy = back.find(({ name }) => name === 'printed_copy')
    expect(copy?.value).to.be.below(SIGN_LIMITS.printed_copy)
  })

  it('see the pixels of a screen, and the beat of those that the camera cannot see', async () => {
    for (const pitch of [1.8, 2.4]) {
      const found = await signs(await onScreen(page, seededRandom(1), pitch))
      expect(found.screen_recapture, `${pitch}`).to.be.at.least(SIGN_LIMITS.screen_recapture)
    }
  })

  it('see the dots of a printer, and a copy without colours', async () => {
    const dots = await signs(await printed(page, seededRandom(1)))
    expect(dots.printed_copy).to.be.at.least(SIGN_LIMITS.printed_copy)
    const grey = await signs(await sharp(page).greyscale().toColourspace('srgb').png().toBuffer())
    expect(grey.printed_copy).to.be.at.least(SIGN_LIMITS.printed_copy)
  })

  it('see that the second portrait is somebody else', async () => {
    const photograph = await genuine(page, seededRandom(1))
    expect((await signs(photograph, -2)).portrait_replaced).to.be.at.least(1)
    expect((await signs(photograph, 4)).portrait_replaced).to.be.below(1)
    expect(await signs(photograph)).to.not.have.property('portrait_replaced')
  })

  it('see a line that was covered and written anew, and letters of another size', async () => {
    const font = openFont(faces.font)
    const place = { left: 384, top: 392, width: 180, height: 28 }
    const outline = (at: { x: number; y: number; size: number }) => font.outline('X4827310', at)
    const edit = { place, outline, size: 27.6 }
    const found = await signs(await textEdited(page, edit, seededRandom(4)))
    expect(found.text_edited).to.be.at.least(SIGN_LIMITS.text_edited)
    expect(found.layout_inconsistent).to.be.above(0.1)
  })

  it('see lines of a zone that are closer than ICAO 9303-3 §4.4 has them', async () => {
    const image = await decodeImage(page, { longestSide: 2400 })
    const zone = (pitch: number) => ({
      characters: 44,
      lines: [0, 1].map((i) => ({
        cx: 500,
        cy: 300 + i * pitch,
        width: 894,
        height: 30,
        angle: 0,
      })),
    })
    const layoutAt = (pitch: number) =>
      signsOf({
        image,
        side: 'front',
        read: { image, lines: [], alike: [] },
        zone: zone(pitch),
      }).find(({ name }) => name === 'layout_inconsistent')?.value
    expect(layoutAt(50)).to.be.below(SIGN_LIMITS.layout_inconsistent)
    expect(layoutAt(30)).to.be.at.least(SIGN_LIMITS.layout_inconsistent)
  })
}).timeout(60_000)

describe('periodicityOf', () => {
  it('says nothing of a picture that is too small', () => {
    for (const [width, height] of [
      [511, 400],
      [600, 255],
    ] as const) {
      const rgb = new Uint8Array(width * height * 3)
      expect(periodicityOf({ width, height, rgb })).to.equal(undefined)
    }
  })

  const [width, height] = [600, 400]

  /** Noise, and waves as strong as is said at each place, in the colours that are said. */
  function waves(
    strengthAt: (x: number, y: number) => number,
    colours: readonly [number, number, number],
  ) {
    const random = seededRandom(5)
    const rgb = new Uint8Array(width * height * 3)
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [i % width, Math.floor(i / width)]
      const wave = strengthAt(x, y) * Math.sin(x * 1.3 + y * 0.9)
      const noise = 20 * (random() - 0.5)
      for (const [k, colour] of colours.entries()) rgb[3 * i + k] = 128 + noise + colour * wave
    }
    return periodicityOf({ width, height, rgb }) ?? { brightness: 0, colour: 0 }
  }

  it('is low for noise and high for a pattern all over it', () => {
    expect(waves(() => 0, [1, 1, 1]).brightness).to.be.below(0.8)
    expect(waves(() => 20, [1, 1, 1]).brightness).to.be.above(2)
  })

  it('is high in colour for a pattern of colours only', () => {
    expect(waves(() => 20, [1, 1, 1]).colour).to.be.below(0.8)
    expect(waves(() => 20, [1, 0, -1]).colour).to.be.above(2)
  })

  it('is low for a pattern in one part', () => {
    const inOneCorner = (x: number, y: number) => (x < 150 && y < 100 ? 40 : 0)
    const { brightness } = waves(inOneCorner, [1, 1, 1])
    expect(brightness).to.be.below(SIGN_LIMITS.printed_copy)
  })
}).timeout(20_000)

describe('orderStatistic', () => {
  it('is what stands at an index of the sorted values', () => {
    const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(values, fc.nat(), (numbers, at) => {
        const index = at % numbers.length
        const sorted = [...numbers].sort((p, q) => p - q)
        expect(orderStatistic(Float32Array.from(numbers), index)).to.equal(sorted[index])
      }),
    )
  })
})
