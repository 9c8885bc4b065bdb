import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { identityTypeOf } from '../../issuer/credential/identity.ts'
import { SANDBOX_PICTURES, sandboxPipeline } from '../../issuer/sandbox/pipeline.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import {
  beginSession,
  newKeys,
  type Reply,
  send,
  sendJson,
  type TestWorker,
  testWallet,
  tokenFor,
} from '../support/issuer-client.ts'

const VCT = 'urn:carnet:identity:1:sandbox'
const picture = (name: string): Buffer =>
  readFileSync(join(packageRoot, 'issuer/sandbox/pictures', name))
const pictures = new Map(SANDBOX_PICTURES.map((name) => [name, picture(name)]))

describe('a sandbox issuer', () => {
  let issuer: TestIssuer
  before(async () => {
    issuer = await openIssuer(sandboxPipeline(pictures), { sandbox: true })
  })
  after(() => issuer.close())

  const verified = async (person: string): Promise<TestWorker & { readonly view: Reply }> => {
    const worker = await beginSession(issuer.url)
    expect((await worker.upload('document', picture(`document-${person}.png`))).status).to.equal(
      200,
    )
    expect((await worker.upload('selfie', picture('selfie.png'))).status).to.equal(200)
    return { ...worker, view: await worker.submit() } as never
  }
  const copiesOf = async (worker: TestWorker): Promise<string[]> => {
    const wallet = testWallet(issuer.url)
    const { body } = await wallet.credential(await tokenFor(worker, wallet), newKeys(2))
    return body.credentials.map(({ credential }: { credential: string }) => credential)
  }

  for (const [person, state, codes] of [
    ['approved', 'approved', []],
    ['referred', 'referred', ['face_match_review']],
    ['expired', 'rejected', ['document_expired']],
    ['revoked', 'approved', []],
  ] as const) {
    it(`decides of the person ${person}: ${state}`, async () => {
      const { view, id } = await verified(person)
      expect([view.status, (view.body as { state: string }).state]).to.deep.equal([200, state])
      const session = await issuer.store.session(id)
      expect(session?.state === 'collecting' ? [] : session?.decision.codes).to.deep.equal(codes)
    })
  }

  it('leaves the person referred to a reviewer, as a real one would be', async () => {
    const { id } = await verified('referred')
    const decision = { outcome: 'approve', reason: 'looked at the sandbox' }
    const reviewed = await sendJson(`${issuer.url}/reviews/${id}`, decision, issuer.reviewerKey)
    expect([reviewed.status, reviewed.body.state]).to.deep.equal([200, 'approved'])
  })

  it('issues a type of its own, so that nobody who asks for the real one is shown it', async () => {
    const [copy = ''] = await copiesOf(await verified('approved'))
    const read = verifySdJwtVc(copy, {
      ...{ anchors: issuer.anchors, now: Math.floor(Date.now() / 1000) },
      ...{ expectedVcts: [VCT], keyBinding: 'not_required' },
    })
    expect([read.vct, read.claims.family_name]).to.deep.equal([VCT, 'SANDBOX'])
    expect(() =>
      verifySdJwtVc(copy, {
        ...{ anchors: issuer.anchors, now: Math.floor(Date.now() / 1000) },
        ...{ expectedVcts: [identityTypeOf({})], keyBinding: 'not_required' },
      }),
    ).to.throw()
  })

  it('says in every metadata document what it is', async () => {
    const { body } = await send(`${issuer.url}/.well-known/openid-credential-issuer`)
    expect(body.display[0].name).to.equal('Test issuer (sandbox)')
    const [configuration] = Object.values(body.credential_configurations_supported)
    expect((configuration as { vct: string }).vct).to.equal(VCT)
    const type = await send(`${issuer.url}/types/${VCT}`)
    expect(type.body).to.include({ vct: VCT, name: 'Sandbox identity' })
    expect(type.body).to.not.have.property('extends')
    expect((await send(`${issuer.url}/types/${identityTypeOf({})}`)).status).to.equal(404)
  })

  it('revokes what it issued to the person revoked, in the next publication', async () => {
    const { id, ...worker } = await verified('revoked')
    const copies = await copiesOf({ id, ...worker })
    expect(copies).to.have.length(2)
    const session = await issuer.store.session(id)
    expect(session).to.deep.include({ issuance: 'revoked' })
    const other = await verified('approved')
    await copiesOf(other)
    expect(await issuer.store.session(other.id)).to.deep.include({ issuance: 'done' })
  })

  it('takes no picture but its own, so that nobody real is read there', async () => {
    const worker = await beginSession(issuer.url)
    const changed = Buffer.from(picture('document-approved.png'))
    changed[changed.length - 20] = 0
    for (const other of [changed, picture('selfie.png'), Buffer.from('a passport')]) {
      const refused = await worker.upload('document', other)
      expect([refused.status, refused.body.code]).to.deep.equal([422, 'document_not_found'])
    }
    const face = await worker.upload('selfie', picture('document-approved.png'))
    expect([face.status, face.body.code]).to.deep.equal([422, 'face_not_found'])
  })
})
