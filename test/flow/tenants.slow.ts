import { expect } from 'chai'
import { systemClock } from '../../shared/clock.ts'
import { makeEcosystem } from '../support/platform.ts'
import { crossings, misses, tenantMatrix, undeclared } from '../support/tenant-matrix.ts'
import { openTenantWorld } from '../support/tenant-world.ts'

describe('two tenants of one program on PostgreSQL (slow)', () => {
  it('reach nothing of each other by any operation of their interface documents', async () => {
    const ecosystem = await makeEcosystem(systemClock())
    const world = await openTenantWorld(ecosystem, { engine: 'PostgreSQL' })
    const matrix = await tenantMatrix(world, ecosystem)
    expect(await undeclared(world, matrix)).to.deep.equal([])
    expect(await crossings(world, matrix)).to.deep.equal([])
    expect(await misses(world, matrix), 'refused at their own tenant too').to.deep.equal([])
    await world.close()
  })
})
