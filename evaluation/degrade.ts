import sharp from 'sharp'
import { homography, project, type Quad } from '../issuer/evidence/document/rectify.ts'
import type { Point } from '../issuer/evidence/image.ts'
import { between, oneOf, type SeededRandom } from './random.ts'

/** A way in which a photograph of a document is worse than the drawing. */
export interface Degradation {
  readonly name: string
  readonly description: string
  apply(page: Buffer, random: SeededRandom): Promise<Buffer>
}

const BACKGROUND = '#5d5a57'

/** Each degradation of documents, in the order of the report. */
export const DEGRADATIONS: readonly Degradation[] = [
  { name: 'clean', description: 'the drawing itself', apply: async (page) => page },
  {
    name: 'rotation',
    description: 'turned by −15° to 15°, half of them by a right angle more',
    apply: async (page, random) => {
      const turn = random() < 0.5 ? 0 : oneOf(random, [90, 180, 270])
      return await rotated(page, between(random, -15, 15) + turn)
    },
  },
  {
    name: 'perspective',
    description: 'every corner moved by up to 8 % of the side',
    apply: (page, random) => perspective(page, random, 0.08),
  },
  {
    name: 'blur',
    description: 'Gaussian, σ 1.2 to 2.4 pixels at 12 pixels a millimetre',
    apply: async (page, random) =>
      await sharp(page)
        .blur(between(random, 1.2, 2.4))
        .png()
        .toBuffer(),
  },
  {
    name: 'glare',
    description: 'a white spot of 15 to 30 % of the width anywhere, up to 85 % opaque',
    apply: glare,
  },
  {
    name: 'jpeg',
    description: 'JPEG of quality 12 to 35',
    apply: async (page, random) =>
      await sharp(page)
        .jpeg({ quality: Math.round(between(random, 12, 35)) })
        .toBuffer(),
  },
  {
    name: 'low light',
    description: '20 to 45 % of the brightness, noise of σ 6 to 12',
    apply: lowLight,
  },
  {
    name: 'small',
    description: 'reduced to 5.5 to 7.5 pixels a millimetre',
    apply: async (page, random) => {
      const { width = 0 } = await sharp(page).metadata()
      return await sharp(page)
        .resize(Math.round((width * between(random, 5.5, 7.5)) / 12))
        .jpeg({ quality: 80 })
        .toBuffer()
    },
  },
  {
    name: 'photograph',
    description:
      'all at once and milder: perspective 5 %, ±8°, blur σ 0.6 to 1.2, uneven light, JPEG 50 to 80',
    apply: photograph,
  },
  {
    name: 'strong perspective',
    description: 'every corner moved by up to 18 % of the side',
    apply: (page, random) => perspective(page, random, 0.18),
  },
]

async function rotated(page: Buffer, degrees: number): Promise<Buffer> {
  return await sharp(page).rotate(degrees, { background: BACKGROUND }).png().toBuffer()
}

async function glare(page: Buffer, random: SeededRandom): Promise<Buffer> {
  const { width = 0, height = 0 } = await sharp(page).metadata()
  const [x, y] = [between(random, 0, width), between(random, 0, height)]
  const radius = width * between(random, 0.075, 0.15)
  const opacity = between(random, 0.5, 0.85)
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>
    <radialGradient id="g"><stop offset="0.3" stop-color="#fff" stop-opacity="${opacity}"/>
    <stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs>
    <circle cx="${x}" cy="${y}" r="${radius}" fill="url(#g)"/></svg>`
  return await sharp(page)
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .png()
    .toBuffer()
}

async function lowLight(page: Buffer, random: SeededRandom): Promise<Buffer> {
  const gain = between(random, 0.2, 0.45)
  const sigma = between(random, 6, 12)
  const { data, info } = await sharp(page).raw().toBuffer({ resolveWithObject: true })
  for (let i = 0; i < data.length; i++) {
    const noise = (random() + random() + random() + random() - 2) * sigma * Math.sqrt(3)
    data[i] = Math.max(0, Math.min(255, Math.round((data[i] ?? 0) * gain + noise)))
  }
  return await sharp(data, { raw: info }).jpeg({ quality: 90 }).toBuffer()
}

async function photograph(page: Buffer, random: SeededRandom): Promise<Buffer> {
  const warped = await rotated(await perspective(page, random, 0.05), between(random, -8, 8))
  const { width = 0, height = 0 } = await sharp(warped).metadata()
  const [dark, angle] = [between(random, 0.1, 0.4), between(random, 0, 360)]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>
    <linearGradient id="g" gradientTransform="rotate(${angle} .5 .5)"><stop offset="0" stop-color="#000"
    stop-opacity="${dark}"/><stop offset="1" stop-color="#000" stop-opacity="0"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#g)"/></svg>`
  return await sharp(warped)
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .blur(between(random, 0.6, 1.2))
    .jpeg({ quality: Math.round(between(random, 50, 80)) })
    .toBuffer()
}

/** The page on a dark table, its corners moved at random. */
export async function perspective(
  page: Buffer,
  random: SeededRandom,
  share: number,
): Promise<Buffer> {
  const { data, info } = await sharp(page).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const margin = share + 0.02
  const move = (x: number, y: number): Point => [
    x + between(random, -share, share) * width + margin * width,
    y + between(random, -share, share) * height + margin * height,
  ]
  const to: Quad = [move(0, 0), move(width, 0), move(width, height), move(0, height)]
  const [outWidth, outHeight] = [
    Math.round(width * (1 + 2 * margin)),
    Math.round(height * (1 + 2 * margin)),
  ]
  const back = homography(to, [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ])
  const out = Buffer.alloc(outWidth * outHeight * 3, 0x58)
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const [sx, sy] = project(back, [x + 0.5, y + 0.5])
      const [px, py] = [sx - 0.5, sy - 0.5]
      if (px < 0 || py < 0 || px >= width - 1 || py >= height - 1) continue
      const [x0, y0] = [Math.floor(px), Math.floor(py)]
      const [u, v] = [px - x0, py - y0]
      const p = (y0 * width + x0) * 3
      const q = p + width * 3
      for (let k = 0; k < 3; k++) {
        const top = (data[p + k] ?? 0) * (1 - u) + (data[p + 3 + k] ?? 0) * u
        const bottom = (data[q + k] ?? 0) * (1 - u) + (data[q + 3 + k] ?? 0) * u
        out[(y * outWidth + x) * 3 + k] = Math.round(top * (1 - v) + bottom * v)
      }
    }
  }
  return await sharp(out, { raw: { width: outWidth, height: outHeight, channels: 3 } })
    .png()
    .toBuffer()
}
