import { expect } from 'chai'
import { openReadiness } from '../../../shared/observe/readiness.ts'

describe('openReadiness', () => {
  let now = 1000
  let stopping = false
  const reported: string[] = []
  const options = {
    clock: () => now,
    isStopping: () => stopping,
    report: (check: string) => reported.push(check),
  }

  it('is ready while every check holds, and names the one that does not', async () => {
    let full = false
    const ready = openReadiness(
      {
        store: () => {
          if (full) throw new Error('disk full')
        },
        lists: async () => undefined,
      },
      options,
    )
    expect(await ready()).to.deep.equal({ status: 'ready', checks: { store: 'ok', lists: 'ok' } })
    full = true
    now += 1
    const failing = { status: 'not ready', checks: { store: 'failing', lists: 'ok' } }
    expect(await ready()).to.deep.equal(failing)
    now += 1
    expect(await ready()).to.deep.equal(failing)
    expect(reported, 'reported once').to.deep.equal(['store'])
    full = false
    now += 1
    expect((await ready()).status).to.equal('ready')
  })

  it('runs its checks once a second however often it is asked', async () => {
    let runs = 0
    const ready = openReadiness(
      {
        store: () => {
          runs += 1
        },
      },
      options,
    )
    await Promise.all(Array.from({ length: 50 }, ready))
    expect(runs).to.equal(1)
    now += 1
    await ready()
    expect(runs).to.equal(2)
  })

  it('takes a check that does not answer for one that fails', async () => {
    now += 1
    const ready = openReadiness({ store: () => new Promise(() => undefined) }, options)
    expect((await ready()).checks).to.deep.equal({ store: 'failing' })
  })

  it('is not ready from the moment a stop is asked for', async () => {
    const ready = openReadiness({ store: () => undefined }, options)
    stopping = true
    expect(await ready()).to.deep.equal({ status: 'stopping', checks: { store: 'ok' } })
  })
})
