import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import sharp from 'sharp'
import { type DemoFaces, demoFaces } from '../../../demo/specimen/faces.ts'
import { WORKER } from '../../../demo/specimen/holders.ts'
import { drawPassport } from '../../../demo/specimen/passport.ts'
import { evidenceSchema } from '../../../issuer/evidence/evidence-schema.ts'
import { supplyFiles } from '../../../issuer/evidence/model-supply.ts'
import { openPipeline } from '../../../issuer/evidence/pipeline.onnx.ts'
import type {
  DocumentReading,
  EvidencePipeline,
  SelfieReading,
} from '../../../issuer/evidence/pipeline.ts'
import { Problem } from '../../../shared/problem.ts'

const NOW = 1_790_000_000

async function problemOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
  return 'none'
}

describe('the evidence pipeline', () => {
  let pipeline: EvidencePipeline
  let faces: DemoFaces
  let page: Buffer
  let document: DocumentReading
  let selfie: SelfieReading

  before(async function () {
    this.timeout(180_000)
    pipeline = await openPipeline()
    faces = await demoFaces()
    page = await drawPassport({ holder: WORKER, portrait: faces.portrait, font: faces.font })
    document = await pipeline.readDocument(page, NOW)
    selfie = await pipeline.readSelfie(faces.selfie)
  })
  after(() => pipeline.close())

  it('reads a specimen passport and accepts the selfie of its holder', () => {
    const evidence = pipeline.collect(document, selfie, NOW)
    expect(evidence.document.reading).to.equal('ok')
    expect(evidence.document.checkDigits.every(({ valid }) => valid)).to.equal(true)
    expect(evidence.document.fields.family_name?.value).to.equal('MARTIN SPECIMEN')
    expect(evidence.document.fields.given_name?.value).to.equal('JONAS EMIL')
    expect(evidence.document.fields.birthdate?.value).to.equal('1974-08-12')
    expect(evidence.document.fields.document_number?.value).to.equal('L898902C3')
    expect(evidence.document.fields.date_of_expiry?.value).to.equal('2031-04-15')
    expect(evidence.faceMatch.value).to.be.at.least(evidence.faceMatch.threshold)
    expect(evidence.liveness.value).to.be.at.least(evidence.liveness.threshold)
    expect(evidence.warnings).to.deep.equal([])
    expect(evidenceSchema.parse(JSON.parse(JSON.stringify(evidence)))).to.deep.equal(evidence)
    expect(evidence.models.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256))).to.equal(true)
  })

  it('says that another person does not match', async () => {
    const other = await pipeline.readSelfie(faces.otherSelfie)
    const evidence = pipeline.collect(document, other, NOW)
    expect(evidence.faceMatch.value).to.be.below(evidence.faceMatch.review)
    expect(evidence.warnings.map(({ code }) => code)).to.include('face_match_low')
  })

  it('gives the same evidence for the same readings', () => {
    expect(JSON.stringify(pipeline.collect(document, selfie, NOW))).to.equal(
      JSON.stringify(pipeline.collect(document, selfie, NOW)),
    )
  })

  it('sees that one digit of the zone was altered (ICAO 9303-3 §4.9)', async () => {
    const altered = await drawPassport({
      holder: WORKER,
      portrait: faces.portrait,
      font: faces.font,
      alterMrz: true,
    })
    const { document: read, warnings } = await pipeline.readDocument(altered, NOW)
    const wrong = read.checkDigits.filter(({ valid }) => !valid).map(({ field }) => field)
    expect(wrong).to.deep.equal(['birth_date', 'composite'])
    expect(warnings.map(({ code }) => code)).to.include('mrz_check_digit_wrong')
    expect(read.reading).to.equal('uncertain')
  })

  for (const degrees of [90, 180, 270]) {
    it(`reads a page that lies at ${degrees} degrees`, async () => {
      const turned = await sharp(page).rotate(degrees).jpeg({ quality: 80 }).toBuffer()
      const { document: read } = await pipeline.readDocument(turned, NOW)
      expect(read.checkDigits.every(({ valid }) => valid)).to.equal(true)
    })
  }

  it('warns of an expired document', async () => {
    const { warnings } = await pipeline.readDocument(page, NOW + 6 * 366 * 86_400)
    expect(warnings.map(({ code }) => code)).to.include('document_expired')
  })

  it('finds no zone on a selfie and says what to show', async () => {
    expect(await problemOf(pipeline.readDocument(faces.selfie, NOW))).to.equal('document_not_found')
  })

  it('finds no portrait on a page without one', async () => {
    const blank = await sharp({
      create: { width: 320, height: 410, channels: 3, background: '#aab' },
    })
      .png()
      .toBuffer()
    const faceless = await drawPassport({ holder: WORKER, portrait: blank, font: faces.font })
    expect(await problemOf(pipeline.readDocument(faceless, NOW))).to.equal('face_not_found')
  })

  it('finds no face in a picture of none', async () => {
    const plain = await sharp({
      create: { width: 640, height: 480, channels: 3, background: '#7a8' },
    })
      .jpeg()
      .toBuffer()
    expect(await problemOf(pipeline.readSelfie(plain))).to.equal('face_not_found')
  })

  it('refuses a selfie of two people', async () => {
    expect(await problemOf(pipeline.readSelfie(faces.group))).to.equal('face_multiple')
  })

  it('assures no liveness where networks of undocumented origin are left out', async () => {
    const without = await openPipeline({ undocumented: false, limits: { workers: 1 } })
    const evidence = without.collect(document, await without.readSelfie(faces.selfie), NOW)
    await without.close()
    expect(without.version).to.not.equal(pipeline.version)
    expect(without.models.map(({ id }) => id)).to.not.include('face-liveness-fr')
    expect(evidence.liveness).to.include({ value: 0, assurance: 'not_assured' })
    expect(evidence.warnings.map(({ code }) => code)).to.deep.equal(['liveness_review'])
  })

  it('looks at a clip frame by frame and together', async () => {
    const files = await supplyFiles('demo/specimen/manifest.json')
    const names = ['person-a-02159', 'person-a-02683', 'person-a-04117']
    const stills = await Promise.all(names.map((name) => readFile(files[name] ?? '')))
    const frames = await Promise.all(stills.map((still) => pipeline.readFrame(still)))
    const other = await pipeline.readFrame(faces.otherSelfie)
    const codes = (some: typeof frames) => {
      const evidence = pipeline.collect(document, { ...selfie, frames: some }, NOW)
      expect(evidenceSchema.parse(JSON.parse(JSON.stringify(evidence)))).to.deep.equal(evidence)
      expect(evidence.clip?.liveness.assurance).to.equal('not_assured')
      return evidence.warnings.map(({ code }) => code)
    }
    const [first] = frames
    if (!first) throw new Error('there are frames')
    expect(codes(frames)).to.deep.equal([])
    expect(codes([...frames, first])).to.deep.equal(['clip_frames_repeated'])
    expect(codes([...frames, other])).to.deep.equal(['clip_person_differs'])
    const again = await pipeline.readFrame(await sharp(stills[0]).jpeg({ quality: 96 }).toBuffer())
    expect(codes([...frames, again]), 'compressed again').to.deep.equal(['clip_frames_repeated'])
    const moved = await Promise.all(
      [-4, 3, 6].map(async (angle) =>
        pipeline.readFrame(await sharp(stills[0]).rotate(angle).jpeg().toBuffer()),
      ),
    )
    expect(codes(moved), 'a picture that is turned').to.deep.equal(['clip_without_motion'])
  })

  it('compares a selfie with a portrait that an issuer signed, however small', async () => {
    const small = await sharp(faces.portrait)
      .resize({ width: 160 })
      .jpeg({ quality: 70 })
      .toBuffer()
    const portrait = await pipeline.readPortrait(small)
    const own = pipeline.matchPortrait(portrait, selfie)
    expect(own.value).to.be.at.least(own.threshold)
    const other = pipeline.matchPortrait(portrait, await pipeline.readSelfie(faces.otherSelfie))
    expect(other.value).to.be.below(other.review)
    const blank = await sharp({
      create: { width: 160, height: 200, channels: 3, background: '#aab' },
    })
      .png()
      .toBuffer()
    expect(await problemOf(pipeline.readPortrait(blank))).to.equal('face_not_found')
  })

  it('scores a picture of a document low as a live face', async () => {
    const { liveness } = await pipeline.readSelfie(page)
    expect(liveness).to.be.below(0.25)
  })
}).timeout(60_000)
