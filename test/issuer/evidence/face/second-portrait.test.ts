import { expect } from 'chai'
import sharp from 'sharp'
import { drawLicenceFront, licenceOf } from '../../../../demo/specimen/driving-licence.ts'
import { type DemoFaces, demoFaces } from '../../../../demo/specimen/faces.ts'
import { WORKER } from '../../../../demo/specimen/holders.ts'
import { detectFaces } from '../../../../issuer/evidence/face/detect.ts'
import { embedFace } from '../../../../issuer/evidence/face/embed.ts'
import { eyeDistance, findLandmarks } from '../../../../issuer/evidence/face/landmarks.ts'
import { likenessOfSecond } from '../../../../issuer/evidence/face/second-portrait.ts'
import { decodeImage } from '../../../../issuer/evidence/image.sharp.ts'
import { ensureModelFiles } from '../../../../issuer/evidence/model.onnx.ts'
import { type EvidenceReader, openReader } from '../../../../issuer/evidence/pipeline.onnx.ts'

describe('likenessOfSecond', () => {
  let reader: EvidenceReader
  let faces: DemoFaces
  before(async () => {
    reader = await openReader(await ensureModelFiles(), { threads: 1 })
    faces = await demoFaces()
  })
  after(() => reader.close())

  async function likeness(
    { ghost, scale }: { ghost: Uint8Array; scale: number },
    covered = false,
  ): Promise<{ z: number | undefined; runs: number }> {
    const { detector, mesh, embeddings } = reader.models.faces
    const portraits = { portrait: faces.portrait, ghost }
    const page = await drawLicenceFront(licenceOf(WORKER), portraits, { ...faces, scale })
    const cover = { create: { width: 300, height: 400, channels: 3, background: '#ddd' } } as const
    const hidden = await sharp(page)
      .composite(covered ? [{ input: cover, left: 69 * scale, top: 32 * scale }] : [])
      .blur(0.7)
      .jpeg({ quality: 85 })
      .toBuffer()
    const image = await decodeImage(hidden, { longestSide: 2400 })
    const [face, ...others] = await detectFaces(detector, image)
    if (!face) throw new Error('no portrait was found')
    const { points } = await findLandmarks(mesh, image, face)
    const template = await embedFace(embeddings, image, points)
    let runs = 0
    const counted: typeof detector = {
      ...detector,
      run: (input) => {
        runs += 1
        return detector.run(input)
      },
    }
    const portrait = { face, template, eyeDistance: eyeDistance(points), others }
    const z = await likenessOfSecond({ detector: counted, mesh, embeddings }, image, portrait)
    return { z, runs }
  }

  it('is that of one person where the small portrait shows the holder', async () => {
    for (const scale of [12, 20]) {
      const { z, runs } = await likeness({ ghost: faces.portrait, scale })
      expect(z).to.be.above(4)
      expect(runs).to.be.at.most(8)
    }
  })

  it('is that of two people where it shows somebody else', async () => {
    expect((await likeness({ ghost: faces.otherSelfie, scale: 20 })).z).to.be.below(-1)
  })

  it('is not said where there is none', async () => {
    expect((await likeness({ ghost: faces.portrait, scale: 12 }, true)).z).to.equal(undefined)
  })
}).timeout(60_000)
