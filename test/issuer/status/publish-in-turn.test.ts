import { expect } from 'chai'
import { publishInTurn, type Turn } from '../../../issuer/status/publish-in-turn.ts'
import type { Lease } from '../../../shared/store/lease.ts'
import { failureOf } from '../../support/failure.ts'

/** Two servers of one issuer under one clock, and the lease between them. */
function servers(): {
  readonly one: Turn
  readonly other: Turn
  readonly at: number[]
  now: number
} {
  const state = { now: 1000, held: false, publishedAt: 0, at: [] as number[] }
  const lease: Pick<Lease, 'during'> = {
    during: async (work) => {
      if (state.held) return undefined
      state.held = true
      try {
        return { result: await work() }
      } finally {
        state.held = false
      }
    },
  }
  const server = (): Turn => ({
    lease,
    intervalSeconds: 300,
    publishedAt: async () => state.publishedAt,
    now: () => state.now,
    pause: async () => {
      state.now += 1
    },
    publish: async () => {
      state.publishedAt = state.now
      state.at.push(state.now)
    },
  })
  return Object.assign(state, { one: server(), other: server() })
}

describe('publishInTurn', () => {
  it('keeps one rhythm, whichever server looks, and goes on when one of them is gone', async () => {
    const world = servers()
    for (let second = 0; second < 1300; second++, world.now++) {
      if (second < 700) await publishInTurn(world.one, 'scheduled')
      await publishInTurn(world.other, 'scheduled')
    }
    expect(world.at).to.deep.equal([1000, 1300, 1600, 1900, 2200])
  })

  it('publishes out of turn at once, and after another server that is at it', async () => {
    const world = servers()
    await publishInTurn(world.one, 'scheduled')
    world.now += 10
    await publishInTurn(world.other, 'emergency')
    expect(world.at).to.deep.equal([1000, 1010])
    let finish = (): void => undefined
    const slow: Turn = {
      ...world.one,
      publish: () =>
        new Promise<void>((resolve) => {
          finish = resolve
        }),
    }
    const first = publishInTurn(slow, 'emergency')
    const waiting: Turn = {
      ...world.other,
      pause: async () => {
        world.now += 1
        if (world.now === 1013) finish()
        await new Promise((resolve) => setImmediate(resolve))
      },
    }
    await publishInTurn(waiting, 'emergency')
    await first
    expect(world.at.at(-1)).to.be.at.least(1013)
  })

  it('says so when another server has the turn and publishes nothing', async () => {
    const world = servers()
    const stuck: Turn = { ...world.one, lease: { during: async () => undefined } }
    expect(await failureOf(publishInTurn(stuck, 'emergency'))).to.match(/publishes nothing/)
    expect(await failureOf(publishInTurn(stuck, 'scheduled'))).to.match(/publishes nothing/)
    await publishInTurn(world.other, 'scheduled')
    await publishInTurn(stuck, 'scheduled')
    world.now += 301
    await publishInTurn(stuck, 'scheduled')
  })
})
