import { expect } from 'chai'
import { expectGolden, operationsOf, routesOf } from '../support/openapi.ts'
import { makeEcosystem, type Platform, startPlatform } from '../support/platform.ts'

describe('the interface document of the verifier', () => {
  let platform: Platform
  let served: string

  before(async () => {
    platform = await startPlatform(await makeEcosystem())
    const { body } = await platform.call('/openapi.json')
    served = `${JSON.stringify(body, undefined, 2)}\n`
  })
  after(() => platform.stop())

  it('is the committed one', () => {
    expectGolden('docs/openapi/verifier.json', served)
  })

  it('has every route that the server answers, and no other', () => {
    const routes = routesOf(platform.app)
    expect(routes).to.include('post /requests').and.include('post /responses/{response_id}')
    expect(routes).to.deep.equal(operationsOf(JSON.parse(served)))
  })
})
