import { expect } from 'chai'
import { publishRound } from '../../issuer/publication.ts'
import { openStatusOperations } from '../../issuer/status/operations.sqlite.ts'
import { PublicationMismatch } from '../../issuer/status/status.ts'
import { allocateIndexes } from '../../issuer/status/store.sqlite.ts'
import { systemRandom } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { immediate } from '../../shared/store/database.sqlite.ts'
import { listOf, openStatusFixture, type StatusFixture, valueAt } from '../support/status.ts'

const NOW = 1_800_000_000
const DAY = 86_400

describe('publishRound', () => {
  let fixture: StatusFixture
  let alarms: unknown[]
  let reference: StatusReference
  const operations = () =>
    openStatusOperations(fixture.db, {
      random: systemRandom,
      subjectKeyOf: () => Buffer.alloc(32, 6),
    })
  const round = (now: number, reason: 'scheduled' | 'emergency' = 'scheduled') =>
    publishRound(
      {
        publisher: fixture.publisher,
        operations: operations(),
        pool: { name: 'month', size: 1024, lanes: 1 },
        log: { error: (...given: unknown[]) => alarms.push(given) },
      },
      now,
      reason,
    )
  const listId = () => reference.uri.split('/').at(-1) ?? ''
  const published = async (time?: number) => {
    const { store } = fixture
    const token = await (time === undefined ? store.current(listId()) : store.at(listId(), time))
    return token === undefined ? undefined : valueAt(listOf(token.token), reference.idx)
  }

  beforeEach(async () => {
    fixture = openStatusFixture()
    alarms = []
    await round(NOW)
    ;[reference] = immediate(fixture.db, () =>
      allocateIndexes(fixture.db, { copies: 1, credentialExpires: NOW + 30 * DAY, now: NOW }),
    ) as [StatusReference]
  })
  afterEach(() => fixture.db.close())

  it('raises an alarm once a holder should have been told and was not, until they are (R3)', async () => {
    const change = { reference, to: 'revoked', reasonClass: 'fraud' } as const
    const event = await operations().change(change, 'ada', NOW + 10)
    for (let now = NOW + 300; now <= NOW + 10 + DAY; now += 3600) await round(now)
    expect(alarms).to.deep.equal([])
    await round(NOW + 11 + DAY)
    await round(NOW + 311 + DAY)
    expect(alarms).to.deep.equal(Array(2).fill([{ overdue: 1 }, 'holders were not told in time']))
    await operations().markTold(event, NOW + 400 + DAY)
    await round(NOW + 611 + DAY)
    expect(alarms).to.have.length(2)
    const { told } = await operations().timeliness(NOW, NOW + DAY)
    expect(told).to.deep.include({ count: 1, late: 1 })
  })

  it('raises none for a notice that somebody holds', async () => {
    const change = { reference, to: 'revoked', reasonClass: 'compliance', heldBy: 'unit' } as const
    await operations().change(change, 'ada', NOW + 10)
    await round(NOW + 20 + DAY)
    expect(alarms).to.deep.equal([])
  })

  it('ends a suspension with the first publication at or after its end', async () => {
    const until = NOW + 700
    const change = { reference, to: 'suspended', reasonClass: 'fraud', until } as const
    await operations().change(change, 'ada', NOW + 10)
    for (const [at, expected] of [
      [300, 2],
      [600, 2],
      [900, 0],
    ] as const) {
      await round(NOW + at)
      expect(await published(), `${at}`).to.equal(expected)
    }
  })

  it('survives a clock that jumps ahead and is set back: no older state, nothing lost', async () => {
    await round(NOW + DAY)
    const change = { reference, to: 'revoked', reasonClass: 'fraud' } as const
    await operations().change(change, 'ada', NOW + 350)
    for (const reason of ['scheduled', 'emergency'] as const) {
      const outcome = await round(NOW + 600, reason).catch((error: unknown) => error)
      expect(outcome).to.be.instanceOf(PublicationMismatch)
    }
    expect(await published(), 'what was served stays').to.equal(0)
    await round(NOW + DAY + 1)
    expect(await published()).to.equal(1)
    expect(await published(NOW + DAY)).to.equal(0)
    const iats = fixture.db
      .prepare('SELECT iat FROM status_publication WHERE list = ? ORDER BY sequence')
      .pluck()
      .all(listId())
    expect(iats).to.deep.equal([NOW, NOW + DAY, NOW + DAY + 1])
    expect(await fixture.log.check()).to.deep.equal([])
    expect((await operations().timeliness(NOW, NOW + DAY)).published).to.deep.include({
      count: 1,
      max: DAY + 1 - 350,
    })
  })
})
