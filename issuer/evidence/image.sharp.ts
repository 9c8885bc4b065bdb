import sharp from 'sharp'
import { Problem } from '../../shared/problem.ts'
import type { Image, Pixels } from './image.ts'

const MAX_BYTES = 16 * 1024 * 1024
const MAX_PIXELS = 50_000_000
const MIN_SIDE = 160
const DECODE_SECONDS = 10
const SMALLEST_LEVEL = 100

const SIGNATURES = {
  jpeg: (head: Buffer) => head.readUIntBE(0, 3) === 0xffd8ff,
  png: (head: Buffer) => head.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n',
  webp: (head: Buffer) =>
    head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP',
}

/**
 * Decodes an upload, upright as its EXIF orientation says and with every other metadata dropped, to sRGB on white, no
 * side longer than `longestSide`. The first bytes must be those of JPEG, PNG or WebP before a decoder sees them; bytes,
 * pixels and time are bounded. Throws a Problem that says what to send instead.
 */
export async function decodeImage(
  upload: Uint8Array,
  { longestSide, smallestSide = MIN_SIDE }: { longestSide: number; smallestSide?: number },
): Promise<Image> {
  const source = Buffer.from(upload.buffer, upload.byteOffset, upload.byteLength)
  const format = formatOf(source)
  if (!format) {
    throw new Problem('image_not_supported', 'send a JPEG, PNG or WebP image')
  }
  if (source.length > MAX_BYTES) {
    throw new Problem('image_too_large', `send at most ${MAX_BYTES / 1024 / 1024} MiB`)
  }
  await checkHeader(source, { format, smallestSide })
  const whole = await decode(source, longestSide)
  const levels: Pixels[] = [whole]
  for (
    let last = whole;
    Math.max(last.width, last.height) >= 2 * SMALLEST_LEVEL;
    last = levels.at(-1) ?? last
  ) {
    levels.push(await halve(last))
  }
  return { ...whole, levels }
}

function formatOf(source: Buffer): keyof typeof SIGNATURES | undefined {
  if (source.length < 12) return undefined
  if (SIGNATURES.jpeg(source)) return 'jpeg'
  if (SIGNATURES.png(source)) return 'png'
  return SIGNATURES.webp(source) ? 'webp' : undefined
}

/** Reads dimensions from the header alone, so that a pixel bomb is refused before it is inflated. */
async function checkHeader(
  source: Buffer,
  { format, smallestSide }: { format: string; smallestSide: number },
): Promise<void> {
  const header = await sharp(source, { limitInputPixels: false })
    .metadata()
    .catch((cause) => {
      throw new Problem('image_unreadable', 'take the picture again', { cause })
    })
  if (header.format !== format) {
    throw new Problem('image_not_supported', 'send a JPEG, PNG or WebP image')
  }
  if (header.width * header.height > MAX_PIXELS) {
    throw new Problem('image_too_large', `send at most ${MAX_PIXELS / 1e6} million pixels`)
  }
  if (Math.min(header.width, header.height) < smallestSide) {
    throw new Problem('image_too_small', `send at least ${smallestSide} pixels on the shorter side`)
  }
}

async function decode(source: Buffer, longestSide: number): Promise<Pixels> {
  const { data, info } = await sharp(source, { limitInputPixels: MAX_PIXELS, failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#fff' })
    .resize(longestSide, longestSide, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .timeout({ seconds: DECODE_SECONDS })
    .toBuffer({ resolveWithObject: true })
    .catch((cause) => {
      throw new Problem('image_unreadable', 'take the picture again', { cause })
    })
  return { width: info.width, height: info.height, rgb: threeChannels(data, info.channels) }
}

function threeChannels(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data
  const count = data.length / channels
  const rgb = new Uint8Array(count * 3)
  for (let i = 0; i < count; i++) rgb.fill(data[channels * i] as number, 3 * i, 3 * i + 3)
  return rgb
}

async function halve({ width, height, rgb }: Pixels): Promise<Pixels> {
  const { data, info } = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(Math.ceil(width / 2), Math.ceil(height / 2), { fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, rgb: data }
}
