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
const FACE = { cx: 168, cy: 320, width: 170, height: 170 }

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
    const portrait = { box: FACE, likeness }
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

  it('see the pixels of a screen', async () => {
    const found = await signs(await onScreen(page, seededRandom(1)))
    expect(found.screen_recapture).to.be.at.least(SIGN_LIMITS.screen_recapture)
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
  })

  it('see a line that was covered and written anew, and letters of another size', async () => {
    const font = openFont(faces.font)
    const place = { left: 384, top: 392, width: 180, height: 28 }
    const outline = (at: { x: number; y: number; size: number }) => font.outline('X4827310', at)
    const edit = { place, outline, size: 27.6 }
    const found = await signs(await textEdited(page, edit, seededRandom(2)))
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
    const picture = { width: 100, height: 100, rgb: new Uint8Array(30_000) }
    expect(periodicityOf(picture)).to.equal(undefined)
  })

  it('is low for noise and high for a pattern in it', () => {
    const random = seededRandom(5)
    const picture = (strength: number) => {
      const rgb = new Uint8Array(300 * 300 * 3)
      for (let i = 0; i < 300 * 300; i++) {
        const wave = strength * Math.sin((i % 300) * 1.3 + Math.floor(i / 300) * 0.9)
        rgb.fill(Math.round(128 + 20 * (random() - 0.5) + wave), 3 * i, 3 * i + 3)
      }
      return { width: 300, height: 300, rgb }
    }
    expect(periodicityOf(picture(0))?.brightness).to.be.below(1.5)
    expect(periodicityOf(picture(20))?.brightness).to.be.above(2.6)
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
