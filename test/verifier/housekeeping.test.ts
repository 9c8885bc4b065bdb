import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { startChores } from '../../verifier/housekeeping.ts'
import { recordingLog } from '../support/log.ts'

describe('startChores', () => {
  it('repeats each chore, logs a failure and goes on', async () => {
    const { log, lines } = recordingLog()
    let [done, failed] = [0, 0]
    const chores = startChores(
      [
        { name: 'good', everySeconds: 0.01, run: async () => done++ },
        {
          name: 'bad',
          everySeconds: 0.01,
          run: async () => {
            failed++
            throw new Error('not today')
          },
        },
      ],
      log,
    )
    for (let wait = 0; wait < 200 && (done < 3 || failed < 3); wait++) await sleep(10)
    await chores.stop()
    expect(done).to.be.at.least(3)
    expect(failed).to.be.at.least(3)
    expect(lines()).to.contain('not today').and.to.contain('"chore":"bad"')
    const [doneThen, failedThen] = [done, failed]
    await sleep(40)
    expect([done, failed]).to.deep.equal([doneThen, failedThen])
  })

  it('stops at once between two runs, and waits for one that has begun', async () => {
    const { log } = recordingLog()
    let ended = false
    const chores = startChores(
      [
        { name: 'rare', everySeconds: 3600, run: async () => undefined },
        {
          name: 'long',
          everySeconds: 0.001,
          run: async () => {
            await sleep(60)
            ended = true
          },
        },
      ],
      log,
    )
    await sleep(20)
    await chores.stop()
    expect(ended).to.equal(true)
  })
})
