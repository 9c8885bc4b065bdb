import sharp from 'sharp'
import { between, integer, type SeededRandom } from './random.ts'

/** A picture of three bytes a pixel. */
interface Raw {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

async function rawOf(picture: Buffer): Promise<Raw> {
  const { data, info } = await sharp(picture)
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

async function photographed(picture: Raw, random: SeededRandom): Promise<Buffer> {
  const { data, width, height } = picture
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .blur(between(random, 0.5, 0.9))
    .jpeg({ quality: integer(random, 75, 92) })
    .toBuffer()
}

/**
 * The picture on a screen, photographed: each of the screen's pixels is three coloured stripes with dark between them,
 * 2.3 to 3.7 pixels of the camera wide, turned by up to 4°.
 */
export async function onScreen(picture: Buffer, random: SeededRandom): Promise<Buffer> {
  const { data, width, height } = await rawOf(picture)
  const pitch = between(random, 2.3, 3.7)
  const angle = between(random, -4, 4) * (Math.PI / 180)
  const dark = between(random, 0.15, 0.45)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const out = Buffer.alloc(width * height * 3)
  const steps = 3
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sums = [0, 0, 0]
      for (let step = 0; step < steps * steps; step++) {
        const px = x + ((step % steps) + 0.5) / steps
        const py = y + (Math.floor(step / steps) + 0.5) / steps
        const [u, v] = [(px * cos + py * sin) / pitch, (py * cos - px * sin) / pitch]
        const [column, row] = [Math.floor(u), Math.floor(v)]
        const [cx, cy] = [(column + 0.5) * pitch, (row + 0.5) * pitch]
        const sx = Math.max(0, Math.min(width - 1, Math.floor(cx * cos - cy * sin)))
        const sy = Math.max(0, Math.min(height - 1, Math.floor(cx * sin + cy * cos)))
        const stripe = Math.min(2, Math.floor((u - column) * 3))
        const lit = v - row > 0.12
        const at = (sy * width + sx) * 3 + stripe
        if (lit) sums[stripe] = (sums[stripe] ?? 0) + (data[at] ?? 0) * 3
      }
      for (let k = 0; k < 3; k++) {
        const i = (y * width + x) * 3 + k
        const mixed = (sums[k] ?? 0) / (steps * steps)
        out[i] = Math.round(Math.min(255, mixed * dark + (data[i] ?? 0) * (1 - dark)))
      }
    }
  }
  return await photographed({ data: out, width, height }, random)
}

const SCREEN_ANGLES = [15, 75, 0].map((degrees) => (degrees * Math.PI) / 180)

/**
 * The picture printed and photographed: dots of one size a cell, 4 to 7 pixels wide, in three inks at the angles of the
 * trade, or in black alone.
 */
export async function printed(picture: Buffer, random: SeededRandom): Promise<Buffer> {
  const { data, width, height } = await rawOf(picture)
  const cell = between(random, 4, 7)
  const black = random() < 0.5
  const strength = between(random, 0.5, 0.9)
  const out = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 3
      const [r, g, b] = [data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0]
      const grey = 0.299 * r + 0.587 * g + 0.114 * b
      for (let k = 0; k < 3; k++) {
        const value = black ? grey : (data[i + k] ?? 0)
        const angle = black ? Math.PI / 4 : (SCREEN_ANGLES[k] ?? 0)
        const u = ((x * Math.cos(angle) + y * Math.sin(angle)) * 2 * Math.PI) / cell
        const v = ((y * Math.cos(angle) - x * Math.sin(angle)) * 2 * Math.PI) / cell
        const threshold = 127.5 + 60 * (Math.cos(u) + Math.cos(v))
        const dot = value > threshold ? 248 : 22
        out[i + k] = Math.round(dot * strength + value * (1 - strength))
      }
    }
  }
  return await photographed({ data: out, width, height }, random)
}

/** Where something is, in pixels. */
export interface Place {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Somebody else's portrait laid over the one that was issued, from a worse file and a little off its place. */
export async function portraitReplaced(
  picture: Buffer,
  { portrait, place }: { readonly portrait: Uint8Array; readonly place: Place },
  random: SeededRandom,
): Promise<Buffer> {
  const off = () => Math.round(between(random, -0.02, 0.02) * place.width)
  const [width, height] = [place.width + off(), place.height + off()]
  const worse = await sharp(portrait)
    .resize(Math.round(width / 2), Math.round(height / 2), { fit: 'cover' })
    .jpeg({ quality: integer(random, 40, 70) })
    .toBuffer()
  const input = await sharp(worse).resize(width, height, { fit: 'fill' }).png().toBuffer()
  const laid = await sharp(picture)
    .composite([{ input, left: place.left + off(), top: place.top + off() }])
    .png()
    .toBuffer()
  return await photographed(await rawOf(laid), random)
}

/** A line of print covered with the colour around it and written anew, a little larger or smaller and off its base. */
export async function textEdited(
  picture: Buffer,
  edit: {
    readonly place: Place
    /** Draws the new text as SVG path data from the start of a baseline. */
    readonly outline: (place: { x: number; y: number; size: number }) => string
    readonly size: number
  },
  random: SeededRandom,
): Promise<Buffer> {
  const { place, outline, size } = edit
  const background = await colourAround(picture, place)
  const larger = random() < 0.5 ? between(random, 1.1, 1.25) : between(random, 0.78, 0.9)
  const base = place.top + place.height * 0.82 + between(random, -0.08, 0.08) * place.height
  const path = outline({ x: place.left, y: base, size: size * larger })
  const { width = 0, height = 0 } = await sharp(picture).metadata()
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect x="${place.left - 3}" y="${place.top - 2}" width="${place.width + 6}" height="${place.height + 4}" fill="${background}"/>
    <path d="${path}" fill="#222"/></svg>`
  const laid = await sharp(picture)
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer()
  return await photographed(await rawOf(laid), random)
}

async function colourAround(picture: Buffer, place: Place): Promise<string> {
  const { dominant } = await sharp(picture)
    .extract({
      left: Math.max(0, place.left),
      top: Math.max(0, place.top - 4),
      width: place.width,
      height: place.height + 8,
    })
    .stats()
  return `rgb(${dominant.r},${dominant.g},${dominant.b})`
}

/** The picture photographed and nothing else: what the attacks are compared with. */
export async function genuine(picture: Buffer, random: SeededRandom): Promise<Buffer> {
  return await photographed(await rawOf(picture), random)
}
