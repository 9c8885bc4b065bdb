import { expect } from 'chai'
import { startCadence } from '../../../issuer/status/cadence.ts'

describe('startCadence', () => {
  const hand = () => {
    const due: (() => void)[] = []
    return {
      schedule: (_milliseconds: number, work: () => void) => {
        due.push(work)
        return () => due.splice(0)
      },
      strike: () => {
        for (const work of due.splice(0)) work()
      },
    }
  }

  it('publishes in its rhythm whether or not anything changed', async () => {
    const { schedule, strike } = hand()
    const reasons: string[] = []
    const ticker = startCadence({
      intervalSeconds: 300,
      schedule,
      publish: async (reason) => reasons.push(reason),
      onFailure: () => undefined,
    })
    strike()
    strike()
    await ticker.publishNow()
    await ticker.stop()
    strike()
    expect(reasons).to.deep.equal(['scheduled', 'scheduled', 'emergency'])
  })

  it('never runs two publications at once', async () => {
    const { schedule, strike } = hand()
    let [running, most] = [0, 0]
    const ticker = startCadence({
      intervalSeconds: 1,
      schedule,
      publish: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
      },
      onFailure: () => undefined,
    })
    strike()
    strike()
    await ticker.publishNow()
    await ticker.stop()
    expect(most).to.equal(1)
  })

  it('reports a failure and goes on', async () => {
    const { schedule, strike } = hand()
    const failures: unknown[] = []
    let count = 0
    const ticker = startCadence({
      intervalSeconds: 1,
      schedule,
      publish: async () => {
        if (++count === 1) throw new Error('no disk')
      },
      onFailure: (error) => failures.push(error),
    })
    strike()
    await new Promise((resolve) => setImmediate(resolve))
    expect(() => ticker.check()).to.throw('no disk')
    strike()
    await ticker.stop()
    ticker.check()
    expect([count, failures.length]).to.deep.equal([2, 1])
  })
})
