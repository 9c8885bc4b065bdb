import { readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseManifest } from '../../../issuer/evidence/manifest.ts'
import { ensureModelFiles, openModel } from '../../../issuer/evidence/model.onnx.ts'
import { modelManifest, supplyFiles } from '../../../issuer/evidence/model-supply.ts'
import { packageRoot } from '../../../shared/package-root.ts'

const manifest = JSON.parse(readFileSync(join(packageRoot, modelManifest), 'utf8'))

describe('the model manifest', () => {
  it('names source, licence, provenance, digest, shapes and preprocessing of every network', () => {
    const { models } = parseManifest(manifest)
    expect(Object.keys(models)).to.have.length.greaterThan(10)
    for (const [id, { role, input, output, sha256 }] of Object.entries(models)) {
      expect(sha256, id).to.match(/^[0-9a-f]{64}$/)
      if (role !== 'text-alphabet') expect([input, output], id).to.not.include(undefined)
    }
  })

  it('holds no model that guesses emotion, gender, race or age', () => {
    const guessing = /emotion|gender|gear|race|ethnic|\bage\b|ssr/i
    for (const [id, model] of Object.entries(manifest.models)) {
      const { role, source, output } = model as { role: string; source: object; output?: object }
      const said = [id, role, JSON.stringify(source), JSON.stringify(output ?? '')].join(' ')
      expect(said, id).to.not.match(guessing)
    }
    const added = structuredClone(manifest)
    added.models['face-emotion'] = { ...added.models['face-mesh'], role: 'emotion' }
    expect(() => parseManifest(added)).to.throw()
  })

  it('refuses to use a model for what it was not declared for', () => {
    const other = structuredClone(manifest)
    other.use.embeddings = ['face-liveness-fr']
    expect(() => parseManifest(other)).to.throw('no face-embedding face-liveness-fr')
  })

  it('refuses a member it does not know', () => {
    const added = structuredClone(manifest)
    added.models['face-mesh'].guesses = 'age'
    expect(() => parseManifest(added)).to.throw()
  })
})

describe('openModel', () => {
  let cache: string
  before(async () => {
    cache = await mkdtemp(join(tmpdir(), 'carnet-models-'))
  })
  after(() => rm(cache, { recursive: true }))

  it('does not open a file that differs from its digest', async () => {
    const files = await ensureModelFiles()
    const path = join(cache, 'tampered.onnx')
    await cp(files.paths['mrz-line'] ?? '', path)
    const bytes = await readFile(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    await writeFile(path, bytes)
    const tampered = { ...files, paths: { ...files.paths, 'mrz-line': path } }
    await openModel(tampered, 'mrz-line').then(
      () => expect.fail('it opened'),
      (error: Error) => expect(error.message).to.match(/^model mrz-line: SHA-256 is /),
    )
    await (await openModel(files, 'mrz-line')).close()
  })

  it('is rebuilt in the cache where a file was damaged', async () => {
    const first = await supplyFiles(modelManifest, { cache })
    await writeFile(first['text-alphabet'] ?? '', 'damaged')
    const lines: string[] = []
    const again = await supplyFiles(modelManifest, { cache, report: (line) => lines.push(line) })
    expect(lines).to.have.length(1)
    expect((await readFile(again['text-alphabet'] ?? '')).length).to.equal(26_249)
  }).timeout(120_000)
})
