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

/** Light in each colour, 0 to 1 and linear, as it falls on a camera. */
interface Light {
  readonly values: Float32Array
  readonly width: number
  readonly height: number
}

const GAMMA = 2.2
const LINEAR = Float32Array.from({ length: 256 }, (_, level) => (level / 255) ** GAMMA)
const MOST_LIGHT = 65_535
const LEVELS = Float32Array.from(
  { length: MOST_LIGHT + 1 },
  (_, light) => 255 * (light / MOST_LIGHT) ** (1 / GAMMA),
)

function lightOf({ data, width, height }: Raw): Light {
  return { values: Float32Array.from(data, (level) => LINEAR[level] as number), width, height }
}

/**
 * What a camera makes of light: a lens that blurs a little, a sensor with one colour a pixel that is completed from its
 * neighbours, noise, and JPEG with half the colours.
 */
async function photographed(light: Light, random: SeededRandom): Promise<Buffer> {
  const { width, height } = light
  const seen = await blurred(light, between(random, 0.5, 1.1))
  const grain = between(random, 3, 8)
  const mosaic = new Float32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const level = LEVELS[seen[3 * i + colourAt(x, y)] as number] as number
      mosaic[i] = level + grain * (random() - 0.5)
    }
  }
  const data = Buffer.from(completed(mosaic, width, height).buffer)
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: integer(random, 75, 92) })
    .toBuffer()
}

/** Red and green in one row, green and blue in the next. */
function colourAt(x: number, y: number): 0 | 1 | 2 {
  if ((x + y) % 2 === 1) return 1
  return y % 2 === 0 ? 0 : 2
}

/** Each colour as the mean of the pixels beside or across that have it; the outermost pixels stay black. */
function completed(mosaic: Float32Array, width: number, height: number): Uint8ClampedArray {
  const out = new Uint8ClampedArray(width * height * 3)
  const at = (place: number) => mosaic[place] as number
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      const beside = (at(i - 1) + at(i + 1)) / 2
      const upright = (at(i - width) + at(i + width)) / 2
      const own = colourAt(x, y)
      const isRedRow = y % 2 === 0
      if (own === 1) {
        out[3 * i] = isRedRow ? beside : upright
        out[3 * i + 1] = at(i)
        out[3 * i + 2] = isRedRow ? upright : beside
        continue
      }
      const corners = at(i - width - 1) + at(i - width + 1) + at(i + width - 1) + at(i + width + 1)
      out[3 * i + own] = at(i)
      out[3 * i + 1] = (beside + upright) / 2
      out[3 * i + 2 - own] = corners / 4
    }
  }
  return out
}

async function blurred({ values, width, height }: Light, sigma: number): Promise<Uint16Array> {
  const linear = Uint16Array.from(values, (value) => Math.round(MOST_LIGHT * Math.min(1, value)))
  const raw = { width, height, channels: 3 } as const
  const out = await sharp(linear, { raw })
    .blur(sigma)
    .toColourspace('rgb16')
    .raw({ depth: 'ushort' })
    .toBuffer()
  return new Uint16Array(out.buffer, out.byteOffset, out.length / 2)
}

/** What part of its width and height a pixel of a screen lights, and of that each colour a third. */
const LIT = 0.85

/**
 * The picture on a screen, photographed: each of the screen's pixels is three coloured stripes with dark between them,
 * `pitch` pixels of the camera wide, turned by up to 6°; the photograph is then reduced, as a large one is before it is
 * read. A camera with fewer than two pixels for each of the screen's sees the beat of both.
 */
export async function onScreen(
  picture: Buffer,
  random: SeededRandom,
  pitch: number = between(random, 1.2, 2.6),
): Promise<Buffer> {
  const raw = await rawOf(picture)
  const { width, height } = raw
  const { values: shown } = lightOf(raw)
  const angle = between(random, -6, 6) * (Math.PI / 180)
  const glow = between(random, 0.005, 0.03)
  const cast = [between(random, 0.85, 1), 1, between(random, 1, 1.2)]
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const values = new Float32Array(width * height * 3)
  const [across, down] = [6, 4]
  const gain = 3 / LIT ** 2 / (across * down)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 3
      for (let step = 0; step < across * down; step++) {
        const px = x + ((step % across) + 0.5) / across
        const py = y + (Math.floor(step / across) + 0.5) / down
        const u = (px * cos + py * sin) / pitch
        const v = (py * cos - px * sin) / pitch
        const column = Math.floor(u)
        const row = Math.floor(v)
        const part = (u - column) * 3
        const stripe = Math.min(2, Math.floor(part))
        if (v - row > LIT || part - stripe > LIT) continue
        const cx = (column + 0.5) * pitch
        const cy = (row + 0.5) * pitch
        const sx = Math.max(0, Math.min(width - 1, Math.floor(cx * cos - cy * sin)))
        const sy = Math.max(0, Math.min(height - 1, Math.floor(cx * sin + cy * cos)))
        values[i + stripe] =
          (values[i + stripe] as number) + gain * (shown[(sy * width + sx) * 3 + stripe] as number)
      }
      for (let k = 0; k < 3; k++) {
        values[i + k] = Math.min(1, ((values[i + k] as number) + glow) * (cast[k] ?? 1) * 0.9)
      }
    }
  }
  const photograph = await photographed({ values, width, height }, random)
  const reduced = Math.round(width * between(random, 0.75, 1))
  return await sharp(photograph).resize(reduced).jpeg({ quality: 88 }).toBuffer()
}

const SCREEN_ANGLES = [15, 75, 0].map((degrees) => (degrees * Math.PI) / 180)

/**
 * The picture printed and photographed: dots of one size a cell, 2.2 to 5 pixels wide, in three inks at the angles of the
 * trade, or in black alone.
 */
export async function printed(picture: Buffer, random: SeededRandom): Promise<Buffer> {
  const { data, width, height } = await rawOf(picture)
  const cell = between(random, 2.2, 5)
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
  return await photographed(lightOf({ data: out, width, height }), random)
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
  return await photographed(lightOf(await rawOf(laid)), random)
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
  return await photographed(lightOf(await rawOf(laid)), random)
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
  return await photographed(lightOf(await rawOf(picture)), random)
}
