import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { makeEcosystem } from '../support/platform.ts'
import { crossings, misses, tenantMatrix, undeclared } from '../support/tenant-matrix.ts'
import { openTenantWorld } from '../support/tenant-world.ts'

describe('two tenants of one program', function () {
  this.timeout(60_000)

  it('reach nothing of each other by any operation of their interface documents', async () => {
    const ecosystem = await makeEcosystem(systemClock())
    const world = await openTenantWorld(ecosystem, { engine: 'SQLite' })
    const matrix = await tenantMatrix(world, ecosystem)
    expect(await undeclared(world, matrix)).to.deep.equal([])
    expect(await crossings(world, matrix)).to.deep.equal([])
    expect(await misses(world, matrix), 'refused at their own tenant too').to.deep.equal([])
    // The matrix is of every operation: it misses one that somebody forgot.
    const { getSession: _forgotten, ...others } = matrix.issuer.cases
    const lacking = { ...matrix, issuer: { ...matrix.issuer, cases: others } }
    expect(await undeclared(world, lacking)).to.deep.equal(['getSession'])
    await world.close()
  })

  it('would be told apart from two that were given one store', async () => {
    const ecosystem = await makeEcosystem(systemClock())
    const world = await openTenantWorld(ecosystem, { engine: 'SQLite', shared: true })
    const found = await crossings(world, await tenantMatrix(world, ecosystem))
    expect(found.map((line) => line.split(' ')[0])).to.include.members([
      ...['getSession', 'getDossier', 'decideReview', 'revokeSession', 'changeStatus'],
      ...['getPresentationResult', 'getReceipt', 'forgetPresentationRequest', 'rows'],
    ])
    await world.close()
  })
})
