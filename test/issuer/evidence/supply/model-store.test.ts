import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { supplyFiles } from '../../../../issuer/evidence/model-supply.ts'
import { sha256Hex } from '../../../../shared/hash.ts'

const BODY = Buffer.from('a network of an operator')

describe('supplyFiles', () => {
  let server: Server
  let folder: string
  let url: string
  let asked = 0

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carnet-supply-'))
    server = createServer((request, response) => {
      asked += 1
      if (request.url === '/net.onnx') response.end(BODY)
      else response.writeHead(404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(async () => {
    server.close()
    await rm(folder, { recursive: true })
  })

  async function manifest(name: string, source: object, sha256: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(
      path,
      JSON.stringify({ producer: 'test', packages: {}, models: { net: { source, sha256 } } }),
    )
    return path
  }
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error: Error) => error.message,
    )

  it('fetches a model by URL once, and keeps it by its digest', async () => {
    const path = await manifest('url.json', { url: `${url}/net.onnx` }, sha256Hex(BODY))
    const cache = join(folder, 'cache')
    const before = asked
    const first = await supplyFiles(path, { cache })
    const again = await supplyFiles(path, { cache })
    expect(asked - before).to.equal(1)
    expect(again).to.deep.equal(first)
    expect((await readFile(first.net ?? '')).equals(BODY)).to.equal(true)
    expect(first.net).to.include(sha256Hex(BODY).slice(0, 16))
  })

  it('refuses a download that is not what was pinned, and keeps nothing of it', async () => {
    const path = await manifest('other.json', { url: `${url}/net.onnx` }, 'ab'.repeat(32))
    const cache = join(folder, 'other')
    expect(await failure(supplyFiles(path, { cache }))).to.match(/^model net: SHA-256 is /)
    expect(await readdir(cache)).to.deep.equal([])
  })

  it('says which model cannot be had and why', async () => {
    const gone = await manifest('gone.json', { url: `${url}/gone.onnx` }, 'ab'.repeat(32))
    expect(await failure(supplyFiles(gone, { cache: join(folder, 'gone') }))).to.match(
      /^model net: .* answered 404$/,
    )
    const absent = await manifest('absent.json', { file: '/nowhere.onnx' }, 'ab'.repeat(32))
    expect(await failure(supplyFiles(absent, { cache: folder }))).to.match(
      /^model net: \/nowhere.onnx is absent or not the pinned file$/,
    )
  })

  it('takes a model from a file of the operator', async () => {
    const file = join(folder, 'own.onnx')
    await writeFile(file, BODY)
    const path = await manifest('file.json', { file }, sha256Hex(BODY))
    expect(await supplyFiles(path, { cache: folder })).to.deep.equal({ net: file })
  })
})
