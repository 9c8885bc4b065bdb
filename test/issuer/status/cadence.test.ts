import { expect } from 'chai'
import { startCadence } from '../../../issuer/status/cadence.ts'

describe('startCadence', () => {
  const NOW = 1_800_000_000
  let now = NOW
  const hand = () => {
    let due: { milliseconds: number; work: () => void }[] = []
    return {
      clock: () => now,
      schedule: (milliseconds: number, work: () => void) => {
        const task = { milliseconds, work }
        due.push(task)
        return () => {
          due = due.filter((other) => other !== task)
        }
      },
      /** Runs what waits for that long, or all of it. */
      strike: (seconds?: number) => {
        const struck = due.filter(
          ({ milliseconds }) => seconds === undefined || milliseconds === seconds * 1000,
        )
        due = due.filter((task) => !struck.includes(task))
        for (const { work } of struck) work()
        return struck.length
      },
    }
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  beforeEach(() => {
    now = NOW
  })

  it('publishes in its rhythm whether or not anything changed', async () => {
    const { schedule, clock, strike } = hand()
    const reasons: string[] = []
    const ticker = startCadence({
      intervalSeconds: 300,
      schedule,
      clock,
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
    const { schedule, clock, strike } = hand()
    let [running, most] = [0, 0]
    const ticker = startCadence({
      intervalSeconds: 1,
      schedule,
      clock,
      publish: async () => {
        most = Math.max(most, ++running)
        await settled()
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

  describe('with publications that fail', () => {
    let broken: Error | undefined
    let failures: unknown[]
    let reasons: string[]
    const open = () => {
      const { schedule, clock, strike } = hand()
      broken = undefined
      failures = []
      reasons = []
      const ticker = startCadence({
        intervalSeconds: 300,
        schedule,
        clock,
        publish: async (reason) => {
          reasons.push(reason)
          if (broken !== undefined) throw broken
        },
        onFailure: (error) => failures.push(error),
      })
      return { ticker, strike }
    }

    it('is healthy while publications are on time, and not once one is late by a minute', async () => {
      const { ticker, strike } = open()
      for (let round = 0; round < 3; round++) {
        now += 300
        expect(() => ticker.check()).not.to.throw()
        strike(300)
        await settled()
      }
      broken = new Error('no disk')
      now += 300
      strike(300)
      await settled()
      expect(failures).to.deep.equal([broken])
      now += 60
      expect(() => ticker.check()).not.to.throw()
      now += 1
      expect(() => ticker.check())
        .to.throw('nothing was published since')
        .with.property('cause', broken)
      broken = undefined
      strike(300)
      await settled()
      expect(() => ticker.check()).not.to.throw()
    })

    it('is not healthy when the publisher hangs, was stopped, or its clock was set back', async () => {
      const { ticker } = open()
      now = NOW - 61
      expect(() => ticker.check()).to.throw('the clock is behind')
      now = NOW + 361
      expect(() => ticker.check()).to.throw('nothing was published since')
      now = NOW
      expect(() => ticker.check()).not.to.throw()
      await ticker.stop()
      expect(() => ticker.check()).to.throw('nothing is published any more')
    })

    it('tries an emergency again until it is out, and is not healthy after a minute without', async () => {
      const { ticker, strike } = open()
      broken = new Error('a change was withdrawn while the list was being signed')
      expect(await ticker.publishNow().catch((error: unknown) => error)).to.equal(broken)
      expect(() => ticker.check()).not.to.throw()
      expect(strike(5)).to.equal(1)
      await settled()
      now += 61
      expect(() => ticker.check())
        .to.throw('an emergency was not published within a minute')
        .with.property('cause', broken)
      broken = undefined
      expect(strike(10)).to.equal(1)
      await settled()
      expect(() => ticker.check()).not.to.throw()
      expect(reasons).to.deep.equal(['emergency', 'emergency', 'emergency'])
      expect(strike(20), 'nothing is left to be tried').to.equal(0)
    })

    it('tries a scheduled one again too, so that a passing fault makes nothing late', async () => {
      const { ticker, strike } = open()
      broken = new Error('busy')
      strike(300)
      await settled()
      for (const seconds of [5, 10, 20, 60, 60]) {
        expect(strike(seconds), `${seconds}`).to.equal(1)
        await settled()
      }
      broken = undefined
      strike(60)
      await settled()
      expect(reasons).to.have.length(7)
      expect(new Set(reasons)).to.deep.equal(new Set(['scheduled']))
      await ticker.stop()
    })

    it('does not try again what the next scheduled publication has carried', async () => {
      const { ticker, strike } = open()
      broken = new Error('no disk')
      await ticker.publishNow().catch(() => undefined)
      broken = undefined
      strike(300)
      await settled()
      strike(5)
      await settled()
      expect(reasons).to.deep.equal(['emergency', 'scheduled'])
    })
  })
})
