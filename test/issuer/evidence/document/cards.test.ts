import { expect } from 'chai'
import sharp from 'sharp'
import {
  type AmericanLicence,
  drawAmericanBack,
  drawAmericanFront,
} from '../../../../demo/specimen/american-card.ts'
import {
  drawLicenceBack,
  drawLicenceFront,
  licenceOf,
} from '../../../../demo/specimen/driving-licence.ts'
import { type DemoFaces, demoFaces } from '../../../../demo/specimen/faces.ts'
import { LISTED, WORKER } from '../../../../demo/specimen/holders.ts'
import { drawIdentityBack, drawIdentityFront } from '../../../../demo/specimen/identity-card.ts'
import { perspective } from '../../../../evaluation/degrade.ts'
import { seededRandom } from '../../../../evaluation/random.ts'
import type { Evidence } from '../../../../issuer/evidence/evidence.ts'
import { evidenceSchema } from '../../../../issuer/evidence/evidence-schema.ts'
import { openPipeline } from '../../../../issuer/evidence/pipeline.onnx.ts'
import type { EvidencePipeline, SelfieReading } from '../../../../issuer/evidence/pipeline.ts'
import { Problem } from '../../../../shared/problem.ts'

const NOW = 1_790_000_000

describe('cards with two sides', () => {
  let pipeline: EvidencePipeline
  let faces: DemoFaces
  let selfie: SelfieReading

  before(async function () {
    this.timeout(180_000)
    pipeline = await openPipeline()
    faces = await demoFaces()
    selfie = await pipeline.readSelfie(faces.selfie)
  })
  after(() => pipeline.close())

  const readings = new Map<Buffer, unknown>()
  /** Each picture is read once. */
  async function once<T>(picture: Buffer, read: () => Promise<T>): Promise<T> {
    if (!readings.has(picture)) readings.set(picture, await read())
    return readings.get(picture) as T
  }

  async function evidenceOf(front: Buffer, back?: Buffer): Promise<Evidence> {
    const document = await once(front, () => pipeline.readDocument(front, NOW))
    const other = back && (await once(back, () => pipeline.readDocumentBack(back, NOW)))
    const evidence = pipeline.collect(document, selfie, NOW, other)
    expect(evidenceSchema.parse(JSON.parse(JSON.stringify(evidence)))).to.deep.equal(evidence)
    return evidence
  }
  const values = ({ document }: Evidence) =>
    Object.fromEntries(Object.entries(document.fields).map(([name, { value }]) => [name, value]))
  const codes = ({ warnings }: Evidence) => warnings.map(({ code }) => code)
  const detailOf = ({ warnings }: Evidence, wanted: string) =>
    warnings.find(({ code }) => code === wanted)?.detail

  describe('a driving licence (Directive 2006/126/EC Annex I)', () => {
    const licence = licenceOf(WORKER)
    let front: Buffer
    let back: Buffer
    before(async () => {
      front = await drawLicenceFront(licence, { portrait: faces.portrait }, faces)
      back = await drawLicenceBack(licence, faces)
    })

    it('gives the numbered fields, the categories and their dates', async () => {
      const evidence = await evidenceOf(front, back)
      expect(evidence.document.type).to.equal('EU_DL')
      expect(values(evidence)).to.deep.equal({
        family_name: 'MARTIN SPECIMEN',
        given_name: 'JONAS EMIL',
        birthdate: '1974-08-12',
        place_of_birth: 'PORT UTOPIA',
        date_of_issue: '2021-04-16',
        date_of_expiry: '2031-04-15',
        issuing_authority: 'UTO TRANSPORT',
        document_number: 'L898902C3',
        issuing_country: 'UTO',
      })
      const categories = evidence.document.categories?.map(
        ({ code, issued, expires, codes: c }) => [code, issued, expires, c],
      )
      expect(categories).to.deep.equal([
        ['AM', '1992-09-14', '2031-04-15', undefined],
        ['B1', '1992-09-14', '2031-04-15', undefined],
        ['B', '1992-09-14', '2031-04-15', '01.06'],
        ['BE', '2001-03-02', '2031-04-15', undefined],
      ])
      expect(evidence.faceMatch.value).to.be.at.least(evidence.faceMatch.threshold)
    })

    it('says where a field stands, how sure it is, and never calls print alone ok', async () => {
      const { document, warnings } = await evidenceOf(front, back)
      const number = document.fields.document_number
      expect(number?.source).to.equal('viz')
      const [corner = [0, 0]] = number?.region?.corners ?? []
      expect(number?.region?.side).to.equal('front')
      expect(corner[0]).to.be.closeTo(0.32, 0.02)
      expect(corner[1]).to.be.closeTo(0.6, 0.02)
      expect(document.reading).to.equal('uncertain')
      expect(warnings.map(({ code }) => code)).to.include('print_uncertain')
    })

    it('is read from photographs at an angle and upside down', async () => {
      const evidence = await evidenceOf(
        await perspective(front, seededRandom(3), 0.12),
        await sharp(await perspective(back, seededRandom(4), 0.05))
          .rotate(187, { background: '#5d5a57' })
          .jpeg({ quality: 70 })
          .toBuffer(),
      )
      expect(values(evidence)).to.include({
        family_name: 'MARTIN SPECIMEN',
        birthdate: '1974-08-12',
        document_number: 'L898902C3',
      })
      expect(evidence.document.categories?.map(({ code }) => code)).to.deep.equal([
        'AM',
        'B1',
        'B',
        'BE',
      ])
    })

    it('misses the back where it was not shown', async () => {
      const evidence = await evidenceOf(front)
      expect(detailOf(evidence, 'document_side_missing')).to.deep.equal(['back'])
      expect(evidence.document.categories?.map(({ code }) => code)).to.deep.equal([
        'AM',
        'B1',
        'B',
        'BE',
      ])
    })

    it('finds that a back is of another licence', async () => {
      const [first, ...others] = licence.categories
      const other = await drawLicenceBack(
        { ...licence, categories: [...others, { ...first, code: 'C', issued: '220101' } as never] },
        faces,
      )
      const evidence = await evidenceOf(front, other)
      expect(detailOf(evidence, 'sides_differ')).to.deep.equal(['category_AM', 'category_C'])
    })

    it('finds a category that was granted too young (Directive 2006/126/EC Art. 4)', async () => {
      const young = licence.categories.map((category) => ({ ...category, issued: '840914' }))
      const evidence = await evidenceOf(
        front,
        await drawLicenceBack({ ...licence, categories: young }, faces),
      )
      expect(detailOf(evidence, 'driving_rule_broken')).to.include('category_B_age')
    })

    it('is taken neither with its sides exchanged nor with one twice', async () => {
      const problem = async (work: Promise<unknown>) =>
        await work.then(
          () => 'none',
          (error) => (error instanceof Problem ? error.code : String(error)),
        )
      expect(await problem(pipeline.readDocument(back, NOW))).to.equal('document_side_wrong')
      expect(await problem(pipeline.readDocumentBack(front, NOW))).to.equal('document_side_wrong')
    })
  })

  describe('a North American licence (AAMVA DL/ID Card Design Standard)', () => {
    const draw = async (licence: AmericanLicence) => ({
      back: await drawAmericanBack(licence, faces),
    })
    let front: Buffer
    before(async () => {
      front = await drawAmericanFront({ holder: WORKER }, { portrait: faces.portrait }, faces)
    })

    it('is ok where print and barcode agree in every identifying field', async () => {
      const { back } = await draw({ holder: WORKER })
      const evidence = await evidenceOf(front, back)
      expect(evidence.document.type).to.equal('AAMVA_DL')
      expect(values(evidence)).to.include({
        family_name: 'MARTIN SPECIMEN',
        given_name: 'JONAS EMIL',
        birthdate: '1974-08-12',
        date_of_issue: '2021-04-16',
        date_of_expiry: '2031-04-15',
        document_number: 'L898902C3',
        sex: '1',
        issuing_country: 'USA',
      })
      const results = evidence.document.comparisons?.map(({ result }) => result)
      expect(new Set(results)).to.deep.equal(new Set(['agrees']))
      expect(evidence.document.reading).to.equal('ok')
    })

    it('names each field in which they differ, and why', async () => {
      const { back } = await draw({
        holder: WORKER,
        encoded: {
          birth: '840812',
          surname: 'MARTIN SPECIMAN',
          number: 'X1234567',
          givenNames: 'JONAS',
        },
      })
      const evidence = await evidenceOf(front, back)
      expect(detailOf(evidence, 'barcode_differs')).to.have.members([
        'family_name:one_character',
        'given_name:cut_off',
        'birthdate:other_date',
        'document_number:other_value',
      ])
      expect(evidence.document.reading).to.equal('uncertain')
    })

    it('finds that a back is of another card', async () => {
      const { back } = await draw({ holder: LISTED })
      expect(codes(await evidenceOf(front, back))).to.include('sides_differ')
    })
  })

  describe('an identity card (ICAO 9303-5)', () => {
    let front: Buffer
    before(async () => {
      front = await drawIdentityFront(WORKER, { portrait: faces.portrait }, faces)
    })

    it('is put together from the print of its front and the zone of its back', async () => {
      const back = await drawIdentityBack(WORKER, faces)
      const evidence = await evidenceOf(front, back)
      expect(evidence.document.type).to.equal('TD1')
      expect(evidence.document.fields.document_number?.region?.side).to.equal('back')
      expect(values(evidence)).to.include({
        family_name: 'MARTIN SPECIMEN',
        given_name: 'JONAS EMIL',
        birthdate: '1974-08-12',
        document_number: 'L898902C3',
        date_of_expiry: '2031-04-15',
      })
      expect(evidence.document.printedZone).to.include({
        family_name: 'agrees',
        given_name: 'agrees',
        document_number: 'agrees',
      })
      expect(evidence.document.reading).to.equal('ok')
      expect(codes(evidence)).to.deep.equal([])
    })

    it('finds that a back is of another card', async () => {
      const evidence = await evidenceOf(front, await drawIdentityBack(LISTED, faces))
      expect(codes(evidence)).to.include('sides_differ')
      expect(evidence.document.reading).to.equal('uncertain')
    })

    it('has the name of its front where its zone cut it off (ICAO 9303-3 §4.6)', async () => {
      const holder = { ...WORKER, givenNames: 'JONAS EMIL KONSTANTIN' }
      const back = await drawIdentityBack(holder, faces)
      const whole = await evidenceOf(
        await drawIdentityFront(holder, { portrait: faces.portrait }, faces),
        back,
      )
      expect(whole.document.fields.given_name).to.include({
        value: 'JONAS EMIL KONSTANTIN',
        source: 'viz',
      })
      expect(whole.document.reading).to.equal('ok')
      const cut = await evidenceOf(front, back)
      expect(cut.document.reading).to.equal('uncertain')
      expect(detailOf(cut, 'mrz_name_truncated')).to.deep.equal(['given_name'])
    })

    it('misses its back where that was not shown', async () => {
      const evidence = await evidenceOf(front)
      expect(detailOf(evidence, 'document_side_missing')).to.deep.equal(['back'])
      expect(values(evidence)).to.include({ family_name: 'MARTIN SPECIMEN' })
    })
  })
}).timeout(180_000)
