import { expect } from 'chai'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'
import { send } from '../support/issuer-client.ts'
import { expectGolden, operationsOf, readDocument, routesOf } from '../support/openapi.ts'

describe('the interface document of the issuer', () => {
  let issuer: TestIssuer
  let served: string

  before(async () => {
    issuer = await openIssuer(fixturePipeline())
    served = `${JSON.stringify((await send(`${issuer.url}/openapi.json`)).body, undefined, 2)}\n`
  })
  after(() => issuer.close())

  it('is the committed one', () => {
    expectGolden('docs/openapi/issuer.json', served)
  })

  it('has every route that the server answers, and no other', () => {
    const routes = routesOf(issuer.app)
    expect(routes).to.include('post /sessions').and.include('post /token')
    expect(routes).to.deep.equal(operationsOf(JSON.parse(served)))
  })

  it('says of each endpoint that a specification owns which one', () => {
    const { paths } = readDocument('issuer')
    const owned = Object.entries(paths).flatMap(([path, operations]) =>
      Object.values(operations).flatMap((each) => (each['x-carnet-specification'] ? [path] : [])),
    )
    expect(owned).to.include.members(['/token', '/credential', '/nonce', '/log/checkpoint'])
    expect(owned).to.not.include('/sessions')
    const { default: refusal } = paths['/token']?.post?.responses ?? {}
    expect(JSON.stringify(refusal)).to.contain('ProtocolError')
  })
})
