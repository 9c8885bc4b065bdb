import { expect } from 'chai'
import sharp from 'sharp'
import { decodeImage } from '../../../issuer/evidence/image.sharp.ts'
import { normalise, rectangleMap, sample, sampleFor } from '../../../issuer/evidence/image.ts'
import { Problem } from '../../../shared/problem.ts'
import { pixelBomb } from '../../support/pixel-bomb.ts'

const LIMITS = { longestSide: 1600 }

async function problemOf(upload: Uint8Array): Promise<string> {
  try {
    await decodeImage(upload, LIMITS)
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
  return 'none'
}

const plain = (width: number, height: number, background = '#c04020') =>
  sharp({ create: { width, height, channels: 3, background } })

describe('decodeImage', () => {
  it('decodes JPEG, PNG and WebP', async () => {
    for (const upload of [
      await plain(320, 240).jpeg().toBuffer(),
      await plain(320, 240).png().toBuffer(),
      await plain(320, 240).webp().toBuffer(),
    ]) {
      const image = await decodeImage(upload, LIMITS)
      expect([image.width, image.height]).to.deep.equal([320, 240])
      expect(image.rgb[0]).to.be.closeTo(0xc0, 4)
    }
  })

  it('refuses what is not an image before a decoder sees it', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400"/>')
    expect(await problemOf(svg)).to.equal('image_not_supported')
    expect(await problemOf(Buffer.from('%PDF-1.7 and so on'))).to.equal('image_not_supported')
    expect(await problemOf(await plain(320, 240).gif().toBuffer())).to.equal('image_not_supported')
    expect(await problemOf(await plain(320, 240).tiff().toBuffer())).to.equal('image_not_supported')
    expect(await problemOf(new Uint8Array(0))).to.equal('image_not_supported')
  })

  it('refuses a damaged image', async () => {
    const whole = await plain(640, 480).jpeg().toBuffer()
    expect(await problemOf(whole.subarray(0, whole.length / 2))).to.equal('image_unreadable')
    const noise = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(400, 7)])
    expect(await problemOf(noise)).to.equal('image_unreadable')
    const text = Buffer.from('\x89PNG\r\n\x1a\nthis is no PNG although it says so', 'latin1')
    expect(await problemOf(text)).to.equal('image_unreadable')
  })

  it('refuses a pixel bomb by its header', async () => {
    const bomb = pixelBomb(60_000, 60_000)
    expect(bomb.length).to.be.below(100_000)
    const before = process.memoryUsage().rss
    expect(await problemOf(bomb)).to.equal('image_too_large')
    expect(process.memoryUsage().rss - before).to.be.below(200 * 1024 * 1024)
  })

  it('refuses too many bytes', async () => {
    const jpeg = await plain(320, 240).jpeg().toBuffer()
    const padded = Buffer.concat([jpeg, Buffer.alloc(17 * 1024 * 1024)])
    expect(await problemOf(padded)).to.equal('image_too_large')
  })

  it('refuses too few pixels', async () => {
    expect(await problemOf(await plain(100, 400).png().toBuffer())).to.equal('image_too_small')
  })

  it('turns an image as its EXIF orientation says', async () => {
    const upload = await plain(400, 200).jpeg().withMetadata({ orientation: 6 }).toBuffer()
    const image = await decodeImage(upload, LIMITS)
    expect([image.width, image.height]).to.deep.equal([200, 400])
  })

  it('reads grey, CMYK, transparent and sixteen-bit images', async () => {
    const grey = await plain(200, 200, '#808080').toColourspace('b-w').png().toBuffer()
    const cmyk = await plain(200, 200, '#808080').toColourspace('cmyk').jpeg().toBuffer()
    const clear = await sharp({
      create: { width: 200, height: 200, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer()
    const deep = await plain(200, 200, '#808080').toColourspace('rgb16').png().toBuffer()
    for (const [upload, expected] of [
      [grey, 128],
      [cmyk, 128],
      [clear, 255],
      [deep, 128],
    ] as const) {
      const image = await decodeImage(upload, LIMITS)
      expect(image.rgb.length).to.equal(200 * 200 * 3)
      expect(image.rgb[300]).to.be.closeTo(expected, 16)
    }
  })

  it('reads colours as the ICC profile of the image says', async () => {
    const colour = { r: 200, g: 60, b: 40 }
    const upload = await sharp({
      create: { width: 200, height: 200, channels: 3, background: colour },
    })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    // The bytes in the file are those of another, wider space.
    const stored = await sharp(upload, { ignoreIcc: true }).raw().toBuffer()
    expect(Math.abs((stored[0] ?? 0) - colour.r)).to.be.above(8)
    const { rgb } = await decodeImage(upload, LIMITS)
    expect(rgb[0]).to.be.closeTo(colour.r, 3)
    expect(rgb[1]).to.be.closeTo(colour.g, 3)
    expect(rgb[2]).to.be.closeTo(colour.b, 3)
  })

  it('bounds the longest side and keeps half-size levels', async () => {
    const image = await decodeImage(await plain(4000, 3000).jpeg().toBuffer(), LIMITS)
    expect([image.width, image.height]).to.deep.equal([1600, 1200])
    expect(image.levels.map(({ width }) => width)).to.deep.equal([1600, 800, 400, 200, 100])
  })
})

describe('sample', () => {
  it('takes a rectangle out of an image, pixel for pixel at its own size', async () => {
    const gradient = Buffer.alloc(200 * 160 * 3)
    for (let i = 0; i < 200 * 160; i++) gradient.fill(i % 200, 3 * i, 3 * i + 3)
    const png = await sharp(gradient, { raw: { width: 200, height: 160, channels: 3 } })
      .png()
      .toBuffer()
    const image = await decodeImage(png, LIMITS)
    const map = rectangleMap({ cx: 105, cy: 85, width: 10, height: 10 }, 10, 10)
    const pixels = sample(image, map, 10, 10)
    expect(Array.from(pixels.filter((_, i) => i % 3 === 0)).slice(0, 10)).to.deep.equal([
      100, 101, 102, 103, 104, 105, 106, 107, 108, 109,
    ])
  })

  it('fills with the given value where the image has no pixel', async () => {
    const image = await decodeImage(await plain(200, 200, '#000000').png().toBuffer(), LIMITS)
    const map = rectangleMap({ cx: -50, cy: -50, width: 10, height: 10 }, 10, 10)
    expect(sample(image, map, 10, 10, 77).every((value) => Math.abs(value - 77) < 1e-4)).to.equal(
      true,
    )
  })

  it('gives the same for a map that turns nothing and one that turns next to nothing', async () => {
    const noise = Buffer.from(
      Uint8Array.from({ length: 200 * 160 * 3 }, (_, i) => (i * 7919) % 251),
    )
    const png = await sharp(noise, { raw: { width: 200, height: 160, channels: 3 } })
      .png()
      .toBuffer()
    const image = await decodeImage(png, LIMITS)
    for (const box of [
      { cx: 100, cy: 80, width: 90, height: 70 },
      { cx: 12.3, cy: 150.7, width: 61, height: 47 },
      { cx: 100, cy: 80, width: 260, height: 260 },
      { cx: 400, cy: 80, width: 50, height: 50 },
    ]) {
      const straight = sample(image, rectangleMap(box, 64, 48), 64, 48, 9)
      const turned = sample(image, rectangleMap({ ...box, angle: 1e-9 }, 64, 48), 64, 48, 9)
      const apart = straight.map((value, i) => Math.abs(value - (turned[i] ?? Number.NaN)))
      expect(Math.max(...apart), JSON.stringify(box)).to.be.below(0.01)
    }
  })
})

describe('sampleFor', () => {
  it('gives what sampling and normalising one after the other give, in every layout', async () => {
    const noise = Buffer.from(
      Uint8Array.from({ length: 200 * 160 * 3 }, (_, i) => (i * 7919) % 251),
    )
    const png = await sharp(noise, { raw: { width: 200, height: 160, channels: 3 } })
      .png()
      .toBuffer()
    const image = await decodeImage(png, LIMITS)
    const area = { width: 64, height: 48, outside: 200 }
    const channels = { subtract: [123.7, 116.3, 103.5], divide: [58.4, 57.1, 57.4] } as const
    for (const input of [
      { layout: 'NCHW', colour: 'BGR', ...channels },
      { layout: 'NHWC', colour: 'RGB', ...channels },
      { layout: 'NHWC', colour: 'BGR', subtract: 127.5, divide: 128 },
      { layout: 'NCHW', colour: 'grey', subtract: 128, divide: 64 },
    ] as const) {
      for (const box of [
        { cx: 100, cy: 80, width: 90, height: 70 },
        { cx: 12.3, cy: 150.7, width: 61, height: 47, angle: 0.3 },
        { cx: 100, cy: 80, width: 800, height: 800, angle: 1 },
        { cx: 100, cy: 80, width: 800, height: 800 },
      ]) {
        const map = rectangleMap(box, area.width, area.height)
        const expected = normalise(sample(image, map, area.width, area.height, 200), input)
        const stale = new Float32Array(expected.length).fill(9)
        const fused = sampleFor(image, map, area, input, stale)
        const apart = fused.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)))
        expect(fused).to.have.length(expected.length)
        expect(Math.max(...apart), JSON.stringify({ input, box })).to.be.below(0.001)
      }
    }
  })
})
