import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { type DemoFaces, demoFaces } from '../../../demo/specimen/faces.ts'
import { WORKER } from '../../../demo/specimen/holders.ts'
import { drawPassport } from '../../../demo/specimen/passport.ts'
import { fusionsOf } from '../../../evaluation/fusions.ts'
import { collectEvidence } from '../../../issuer/evidence/collect.ts'
import { ensureModelFiles } from '../../../issuer/evidence/model.onnx.ts'
import { modelManifest } from '../../../issuer/evidence/model-supply.ts'
import { type EvidenceReader, openReader } from '../../../issuer/evidence/pipeline.onnx.ts'
import { sha256Hex } from '../../../shared/hash.ts'
import { packageRoot } from '../../../shared/package-root.ts'

const NOW = 1_790_000_000
const SIDE = 112
const CELL = 14
const NUMBERS = 3 * (SIDE / CELL) ** 2

/** What of the converters' assembler is used here; it is a .mjs because it runs before anything is built. */
interface Graph {
  input(name: string, dims: readonly (number | string)[]): string
  output(name: string, dims: readonly (number | string)[]): string
  node(type: string, inputs: readonly string[], attributes?: object, name?: string): string
  encode(options: { opset: number; producer: string }): Buffer
}
const assembler = 'issuer/evidence/supply/convert/onnx-graph.mjs'
const { OnnxGraph } = (await import(pathToFileURL(join(packageRoot, assembler)).href)) as {
  OnnxGraph: new (name: string) => Graph
}

/** A network of the shape of one that embeds faces: the mean of each of 64 cells in three colours. */
function meanColours(): Buffer {
  const graph = new OnnxGraph('mean-colours')
  const image = graph.input('image', ['n', 3, SIDE, SIDE])
  const shape = { kernel_shape: [CELL, CELL], strides: [CELL, CELL] }
  const cells = graph.node('AveragePool', [image], shape)
  graph.output(graph.node('Flatten', [cells], { axis: 1 }, 'embedding'), ['n', NUMBERS])
  return graph.encode({ opset: 13, producer: 'test' })
}

describe('an operator’s own model', () => {
  let folder: string
  let faces: DemoFaces
  let page: Buffer
  let inForce: EvidenceReader
  let switched: EvidenceReader
  let manifest: string
  let digest: string

  before(async function () {
    this.timeout(120_000)
    folder = await mkdtemp(join(tmpdir(), 'carnet-own-model-'))
    const file = join(folder, 'mean-colours.onnx')
    const bytes = meanColours()
    digest = sha256Hex(bytes)
    await writeFile(file, bytes)
    const own = JSON.parse(await readFile(join(packageRoot, modelManifest), 'utf8'))
    own.models['face-embedding-own'] = {
      role: 'face-embedding',
      source: { file },
      sha256: digest,
      licence: 'CC0-1.0',
      provenance: 'made by a test',
      documented: true,
      input: {
        shape: ['n', 3, SIDE, SIDE],
        layout: 'NCHW',
        colour: 'BGR',
        subtract: [127.5, 127.5, 127.5],
        divide: 128,
      },
      embedding: {
        template: 'arcface-112',
        mirror: 'unit-sum',
        metric: 'cosine',
        centre: 0.5,
        spread: 0.1,
      },
    }
    own.use.embeddings = ['face-embedding-mobilefacenet', 'face-embedding-own']
    own.use.faceMatch = { threshold: 3, review: 0 }
    manifest = join(folder, 'manifest.json')
    await writeFile(manifest, JSON.stringify(own))
    faces = await demoFaces()
    page = await drawPassport({ holder: WORKER, portrait: faces.portrait, font: faces.font })
    inForce = await openReader(await ensureModelFiles(), { threads: 1 })
    switched = await openReader(await ensureModelFiles({ manifest }), { threads: 1 })
  })
  after(async () => {
    await Promise.all([inForce.close(), switched.close()])
    await rm(folder, { recursive: true })
  })

  const evidenceOf = async (reader: EvidenceReader) =>
    collectEvidence(reader.collector, {
      document: await reader.readDocument(page, NOW),
      selfie: await reader.readSelfie(faces.selfie),
      now: NOW,
    })

  it('takes part as the manifest declares it, and makes another pipeline version of it', async () => {
    const [old, next] = [await evidenceOf(inForce), await evidenceOf(switched)]
    expect(next.pipeline).to.not.equal(old.pipeline)
    expect(old.models.map(({ id }) => id)).to.not.include('face-embedding-own')
    expect(next.models).to.deep.include({ id: 'face-embedding-own', sha256: digest })
    expect(next.faceMatch.models).to.deep.equal([
      'face-embedding-mobilefacenet',
      'face-embedding-own',
    ])
    expect(next.faceMatch).to.include({ threshold: 3, review: 0 })
    expect(next.faceMatch.value).to.not.equal(old.faceMatch.value)
    const { face } = await switched.readSelfie(faces.selfie)
    expect(face.get('face-embedding-own')).to.have.length(NUMBERS)
  })

  it('is measured beside the networks and the set that are in force', async () => {
    const { fusions, used } = await fusionsOf(await ensureModelFiles({ manifest }))
    expect(used).to.equal('pipeline: 2 fused')
    expect(fusions[used]).to.deep.equal(['face-embedding-mobilefacenet', 'face-embedding-own'])
    expect(fusions['in force: 2 fused']).to.deep.equal([
      'face-embedding-dlib',
      'face-embedding-mobilefacenet',
    ])
    expect(Object.keys(fusions)).to.include('face-embedding-own').and.include('all 4 fused')
    const { fusions: plain } = await fusionsOf(await ensureModelFiles())
    expect(Object.keys(plain)).to.not.include('in force: 2 fused')
  })

  it('stops the start when the file is not the one that was declared', async () => {
    await writeFile(join(folder, 'mean-colours.onnx'), 'something else')
    await ensureModelFiles({ manifest }).then(
      () => expect.fail('it started'),
      (error: Error) => expect(error.message).to.contain('absent or not the pinned file'),
    )
    await writeFile(join(folder, 'mean-colours.onnx'), meanColours())
  })
}).timeout(60_000)
