import { expect } from 'chai'
import { createStatusListCache } from '../../../shared/status-list/cache.ts'
import { statusFromArchive, statusListsFromNetwork } from '../../../verifier/presentation/status.ts'
import { NOW } from '../../support/pki.ts'
import { type Ecosystem, LIST_URI, makeEcosystem } from '../../support/platform.ts'

describe('statusListsFromNetwork', () => {
  let ecosystem: Ecosystem
  before(async () => {
    ecosystem = await makeEcosystem()
    await ecosystem.setStatus(7, 0)
  })

  const reference = { uri: LIST_URI, idx: 7 }
  const expectation = () => ({
    anchors: ecosystem.anchors,
    now: NOW,
    maxStalenessSeconds: 60,
    acceptsSigner: () => true,
  })
  const verdictOf = async (answer: () => Promise<Response>) => {
    const { resolve } = statusListsFromNetwork(answer, createStatusListCache())
    const { verdict, reason } = await resolve(reference, expectation())
    return { verdict, reason }
  }
  const token = () => ecosystem.lists.get(LIST_URI) ?? ''
  const typed =
    (type: string, status = 200) =>
    async () =>
      new Response(token(), { status, headers: { 'content-type': type } })

  it('takes a token of the right media type, with parameters or without (Token Status List §8.2)', async () => {
    for (const type of [
      'application/statuslist+jwt',
      'application/statuslist+jwt; charset=utf-8',
    ]) {
      expect(await verdictOf(typed(type))).to.deep.equal({ verdict: 'valid', reason: undefined })
    }
  })

  it('says undetermined for every other answer, and for none', async () => {
    const unreachable = { verdict: 'undetermined', reason: 'list_unreachable' }
    expect(await verdictOf(typed('text/html'))).to.deep.equal(unreachable)
    expect(await verdictOf(typed('application/statuslist+jwt', 404))).to.deep.equal(unreachable)
    expect(await verdictOf(() => Promise.reject(new Error('no route')))).to.deep.equal(unreachable)
  })

  it('asks for the list, and says nothing about whom', async () => {
    const asked: string[] = []
    const { resolve } = statusListsFromNetwork(async (input, init) => {
      asked.push(JSON.stringify({ url: String(input), ...init }))
      return typed('application/statuslist+jwt')()
    }, createStatusListCache())
    await Promise.all([
      resolve(reference, expectation()),
      resolve({ ...reference, idx: 8 }, expectation()),
    ])
    expect(asked).to.deep.equal([
      JSON.stringify({ url: LIST_URI, headers: { accept: 'application/statuslist+jwt' } }),
    ])
  })
})

describe('statusFromArchive', () => {
  it('knows what was kept and nothing else', async () => {
    const ecosystem = await makeEcosystem()
    await ecosystem.setStatus(7, 1)
    const resolve = statusFromArchive(ecosystem.lists)
    const expectation = {
      anchors: ecosystem.anchors,
      now: NOW,
      maxStalenessSeconds: 60,
      acceptsSigner: () => true,
    }
    expect((await resolve({ uri: LIST_URI, idx: 7 }, expectation)).verdict).to.equal('revoked')
    const other = await resolve({ uri: 'https://issuer.example/status/2', idx: 7 }, expectation)
    expect(other).to.deep.equal({ verdict: 'undetermined', reason: 'list_unreachable' })
  })
})
