import { expect } from 'chai'
import { nextKeyDue, type ScheduledKey, signingKey } from '../../../shared/key/key-schedule.ts'
import { generateEs256Key } from '../../../shared/key/signer.software.ts'

const DAY = 86_400
const NOW = 1_782_864_000
const { signer } = generateEs256Key()
const key = (activeFrom: number, notAfter: number): ScheduledKey => ({
  signer,
  x5c: [],
  activeFrom,
  notAfter,
})

describe('signingKey', () => {
  const older = key(NOW - 300 * DAY, NOW + 60 * DAY)
  const newer = key(NOW - DAY, NOW + 365 * DAY)
  const coming = key(NOW + DAY, NOW + 700 * DAY)
  const keys = [newer, coming, older]
  const at = (now: number, lifetime = 30 * DAY, of: readonly ScheduledKey[] = keys) =>
    signingKey(of, { now, signedUntil: now + lifetime })

  it('takes the key that became active last, whatever the order', () => {
    expect(at(NOW)).to.equal(newer)
    expect(at(NOW, 30 * DAY, [older, newer])).to.equal(newer)
    expect(at(NOW - 2 * DAY)).to.equal(older)
    expect(at(NOW + DAY)).to.equal(coming)
  })

  it('never signs for longer than the certificate lasts', () => {
    expect(at(NOW, 60 * DAY, [older])).to.equal(older)
    expect(at(NOW, 60 * DAY + 1, [older])).to.equal(undefined)
    expect(at(NOW, 100 * DAY, [older, newer])).to.equal(newer)
  })

  it('answers nothing rather than a key that is not active yet', () => {
    expect(at(NOW, 0, [coming])).to.equal(undefined)
    expect(at(NOW, 0, [])).to.equal(undefined)
  })

  it('says when the next key is due', () => {
    expect(nextKeyDue([older, newer], 30 * DAY)).to.equal(NOW + 335 * DAY)
    expect(at(nextKeyDue([newer], 30 * DAY), 30 * DAY, [newer])).to.equal(newer)
    expect(at(nextKeyDue([newer], 30 * DAY) + 1, 30 * DAY, [newer])).to.equal(undefined)
    expect(nextKeyDue([], DAY)).to.equal(0)
  })
})
