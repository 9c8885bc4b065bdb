import { expect } from 'chai'
import type { Readiness } from '../../../shared/observe/readiness.ts'
import { readinessOfAny } from '../../../shared/tenant/readiness.ts'

describe('readinessOfAny', () => {
  const ready: Readiness = { status: 'ready', checks: { store: 'ok' } }
  const failing: Readiness = { status: 'not ready', checks: { store: 'failing' } }
  const of = (north: Readiness, south: Readiness) =>
    readinessOfAny(
      new Map([
        ['north', async () => north],
        ['south', async () => south],
      ]),
    )()

  it('takes requests while one tenant does, and says which one does not', async () => {
    expect(await of(ready, failing)).to.deep.equal({
      status: 'ready',
      checks: { 'north/store': 'ok', 'south/store': 'failing' },
    })
  })

  it('takes none when no tenant does, or when it stops', async () => {
    expect((await of(failing, failing)).status).to.equal('not ready')
    expect((await of({ ...ready, status: 'stopping' }, ready)).status).to.equal('stopping')
  })
})
