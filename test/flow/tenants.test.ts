import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import type { TestIssuer } from '../support/issuer.ts'
import { send } from '../support/issuer-client.ts'
import type { OpenApiDocument } from '../support/openapi.ts'
import { openOperatorPage, type TestOperatorPage } from '../support/operator-page.ts'
import { type Ecosystem, makeEcosystem } from '../support/platform.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { crossings, misses, tenantMatrix, undeclared } from '../support/tenant-matrix.ts'
import { openTenantWorld, type TenantWorld } from '../support/tenant-world.ts'

describe('two tenants of one program', function () {
  this.timeout(60_000)
  let ecosystem: Ecosystem
  let world: TenantWorld
  const folder = temporaryFolder()

  before(async () => {
    ecosystem = await makeEcosystem(systemClock())
    world = await openTenantWorld(ecosystem, { engine: 'SQLite' })
  })
  after(async () => {
    await world.close()
    folder.remove()
  })

  it('reach nothing of each other by any operation of their interface documents', async () => {
    const matrix = await tenantMatrix(world, ecosystem)
    expect(await undeclared(world, matrix)).to.deep.equal([])
    expect(await crossings(world, matrix)).to.deep.equal([])
    expect(await misses(world, matrix), 'refused at their own tenant too').to.deep.equal([])
    // The matrix is of every operation: it misses one that somebody forgot.
    const { getSession: _forgotten, ...others } = matrix.issuer.cases
    const lacking = { ...matrix, issuer: { ...matrix.issuer, cases: others } }
    expect(await undeclared(world, lacking)).to.deep.equal(['getSession'])
  })

  it('are not shown to each other on the operator’s listener either', async () => {
    const [north, south] = world.issuers
    mkdirSync(join(folder.path, 'assets'))
    writeFileSync(join(folder.path, 'assets/page-abc.js'), '1')
    writeFileSync(join(folder.path, 'index.html'), '<!doctype html>')
    const page = await operatorPage(north, south, folder.path)
    const { body } = await send(`${page.origin}/openapi.json`)
    const operations = Object.entries((body as OpenApiDocument).paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, security }]) => ({
        ...{ path, method, operationId },
        takesKey: security.some((each) => 'operatorKey' in each),
      })),
    )
    const ask = (path: string, method: string, issuer: TestIssuer, tenant: string) =>
      send(`${page.origin}${path.replace('{tenant}', tenant).replace(/\{\w+\}/, '1')}`, {
        method: method.toUpperCase(),
        headers: { authorization: `Bearer ${issuer.operatorKey}` },
      })
    const ofTenants = operations.filter(({ path }) => path.includes('{tenant}'))
    expect(ofTenants).to.have.length.above(2)
    for (const { path, method } of ofTenants) {
      expect((await ask(path, method, south, 'north')).status, path).to.equal(404)
      expect((await ask(path, method, north, 'north')).status, path).to.be.oneOf([200, 204, 409])
    }
    const others = operations.filter(({ path, takesKey }) => takesKey && !path.includes('{tenant}'))
    expect(others.map(({ operationId }) => operationId)).to.deep.equal(['getOverview'])
    for (const { path, method } of others) {
      const told = JSON.stringify((await ask(path, method, south, '')).body)
      expect(told).to.contain('south').and.contain(south.url)
      expect(told).to.not.contain('north').and.not.contain(north.url)
    }
    await page.close()
  })

  it('would be told apart from two that were given one store', async () => {
    const wrong = await openTenantWorld(ecosystem, { engine: 'SQLite', shared: true })
    const found = await crossings(wrong, await tenantMatrix(wrong, ecosystem))
    expect(found.map((line) => line.split(' ')[0])).to.include.members([
      ...['getSession', 'getDossier', 'decideReview', 'revokeSession', 'changeStatus'],
      ...['getPresentationResult', 'getReceipt', 'forgetPresentationRequest', 'rows'],
    ])
    await wrong.close()
  })
})

/** The page of the program that serves both. */
function operatorPage(
  north: TestIssuer,
  south: TestIssuer,
  folder: string,
): Promise<TestOperatorPage> {
  return openOperatorPage(north, {
    folder,
    readiness: async () => ({
      status: 'ready',
      checks: { 'north/store': 'ok', 'south/store': 'failing' },
    }),
    changeDeps: (deps) => ({
      ...deps,
      tenants: [north, south].map((issuer, index) => ({
        ...{ name: ['north', 'south'][index] ?? '', address: issuer.url, country: 'UT' },
        ...{ issuer: 'Test issuer', keys: issuer.keys, webhooks: issuer.webhooks },
        ...{ servedPools: issuer.storage.servedPools, auditLog: issuer.auditLog },
        operations: issuer.storage.operations,
      })),
    }),
  })
}
