import { expect } from 'chai'
import { measureIssuer, measurePipelines } from '../../issuer/metrics.ts'
import { openStatusOperations } from '../../issuer/status/operations.sqlite.ts'
import { servedPools } from '../../issuer/status/served-pools.sqlite.ts'
import { refuseExpired } from '../../issuer/status/served-pools.ts'
import { subjectKeyOf } from '../../issuer/store.sqlite.ts'
import { type Metrics, openMetrics } from '../../shared/observe/metrics.ts'
import { systemRandom } from '../../shared/random.ts'
import { checkWritable } from '../../shared/store/database.sqlite.ts'
import { fixturePipeline } from '../support/evidence.ts'
import { openIssuer, type TestIssuer } from '../support/issuer.ts'

const START = 1_800_000_000

describe('measureIssuer', () => {
  let now = START
  let issuer: TestIssuer
  const metrics = openMetrics()

  before(async () => {
    issuer = await openIssuer(fixturePipeline(), { clock: () => now })
    measureIssuer(metrics, {
      servedPools: servedPools(issuer.db),
      auditLog: issuer.auditLog,
      operations: openStatusOperations(issuer.db, {
        random: systemRandom,
        subjectKeyOf: (reference) => subjectKeyOf(issuer.db, reference),
      }),
      clock: () => now,
    })
  })
  after(() => issuer.close())

  it('tells the age of what is served of a pool, and when it ends', async () => {
    now = START + 100
    expect(await read(metrics, 'carnet_status_list_age_seconds{pool="standard"}')).to.equal(100)
    expect(await read(metrics, 'carnet_status_list_expires_seconds{pool="standard"}')).to.equal(
      3500,
    )
    expect(() => refuseExpired([{ pool: 'a', iat: 1, exp: now }], now)).to.throw('expired')
    await issuer.publish()
    expect(await read(metrics, 'carnet_status_list_age_seconds{pool="standard"}')).to.equal(0)
  })

  it('does not take what was recorded for what is served', async () => {
    const before = await servedPools(issuer.db)(now)
    issuer.db
      .prepare(
        `INSERT INTO status_publication SELECT list, sequence + 1, token, gzip, 'a' || sha256,
           iat + 50, exp + 50, ttl, last_event, leaf + 1000, leaf_hash, cwt, 'a' || cwt_sha256
         FROM status_publication WHERE sequence = 2`,
      )
      .run()
    expect(await servedPools(issuer.db)(now)).to.deep.equal(before)
    issuer.db.prepare('DELETE FROM status_publication WHERE sequence = 3').run()
  })

  it('tells how much of the log no checkpoint covers', async () => {
    expect(await read(metrics, 'carnet_log_lag_entries')).to.equal(0)
    await issuer.auditLog.append({ type: 'test.entry', at: now })
    expect(await read(metrics, 'carnet_log_lag_entries')).to.equal(1)
    await issuer.publish()
    expect(await read(metrics, 'carnet_log_lag_entries')).to.equal(0)
  })

  it('counts holders who are to be told', async () => {
    expect(await read(metrics, 'carnet_holder_notices_open')).to.equal(0)
    expect(await read(metrics, 'carnet_holder_notices_overdue')).to.equal(0)
  })

  it('writes to show that it can, and fails where it cannot', () => {
    checkWritable(issuer.db)
    issuer.db.pragma('query_only = ON')
    expect(() => checkWritable(issuer.db)).to.throw(/readonly/)
    issuer.db.pragma('query_only = OFF')
  })
})

describe('measurePipelines', () => {
  it('counts what waits, what is read, and for how long', async () => {
    const metrics = openMetrics()
    const starts: (() => void)[] = []
    const ends: (() => void)[] = []
    const fixture = fixturePipeline()
    const pipeline = measurePipelines(metrics)({
      ...fixture,
      readDocument: async (upload: Uint8Array, at: number, turn) => {
        await new Promise<void>((resolve) => starts.push(resolve))
        turn?.onStart?.()
        await new Promise<void>((resolve) => ends.push(resolve))
        return fixture.readDocument(upload, at)
      },
    } as typeof fixture)
    let told = 0
    const onStart = (): void => {
      told += 1
    }
    const reading = pipeline.readDocument(Buffer.from('x'), START, { onStart }).catch(() => 'read')
    expect(await read(metrics, 'carnet_evidence_queue_images')).to.equal(1)
    starts[0]?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).to.equal(1)
    expect(await read(metrics, 'carnet_evidence_queue_images')).to.equal(0)
    expect(await read(metrics, 'carnet_evidence_reading_images')).to.equal(1)
    ends[0]?.()
    await reading
    expect(await read(metrics, 'carnet_evidence_reading_images')).to.equal(0)
    expect(await read(metrics, 'carnet_evidence_wait_seconds_count')).to.equal(1)
    expect(await read(metrics, 'carnet_evidence_reading_seconds_count')).to.equal(1)
  })
})

/** The value of one series. */
async function read(metrics: Metrics, series: string): Promise<number> {
  const { text } = await metrics.render()
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  if (line === undefined) throw new Error(`no ${series}`)
  return Number(line.slice(series.length + 1))
}
