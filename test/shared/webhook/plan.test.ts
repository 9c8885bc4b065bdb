import { join } from 'node:path'
import { expect } from 'chai'
import { openMetrics } from '../../../shared/observe/metrics.ts'
import { systemRandom } from '../../../shared/random.ts'
import { type Database, openDatabase } from '../../../shared/store/database.sqlite.ts'
import { measureWebhooks } from '../../../shared/webhook/metrics.ts'
import {
  emitEvent,
  openWebhookStore,
  webhookMigrations,
} from '../../../shared/webhook/store.sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const NOW = 1_800_000_000

describe('what an outbox reads', () => {
  const folder = temporaryFolder()
  let db: Database
  const asked: string[] = []
  before(async () => {
    db = openDatabase(join(folder.path, 'outbox.db'), { webhook: webhookMigrations })
    const store = openWebhookStore(db)
    for (const platform of ['driver', 'courier']) {
      const types = ['carnet.session.decided.v1'] as const
      const url = `https://${platform}.example/hook`
      await store.addEndpoint({ id: platform, url, platform, types, createdAt: NOW })
    }
    for (const [at, platform] of ['driver', 'courier', 'driver'].entries()) {
      const event = { type: 'carnet.session.decided.v1', subject: `s${at}`, at: NOW } as const
      emitEvent(db, { ...event, platform, data: {} }, systemRandom)
    }
  })
  after(() => {
    db.close()
    folder.remove()
  })

  /** The steps of the plan of every statement that `work` prepares. */
  const plans = async (work: (recording: Database) => Promise<unknown>): Promise<string> => {
    asked.length = 0
    const prepare = (sql: string) => {
      asked.push(sql)
      return db.prepare(sql)
    }
    await work(
      new Proxy(db, { get: (of, key) => (key === 'prepare' ? prepare : Reflect.get(of, key)) }),
    )
    const values = {
      state: null,
      before: null,
      limit: 1,
      endpoint: '',
      platform: '',
      endpointId: null,
    }
    return asked
      .flatMap((sql) => {
        const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        return (sql.includes('@') ? plan.all(values) : plan.all()) as { detail: string }[]
      })
      .map(({ detail }) => detail)
      .join('\n')
  }

  it('counts what is not delivered by the index of that alone', async () => {
    const steps = await plans((recording) => openWebhookStore(recording).backlog())
    expect(steps).to.match(/webhook_delivery USING COVERING INDEX webhook_delivery_undelivered$/)
  })

  it('lists the deliveries of one platform without walking through those of others', async () => {
    const list = (recording: Database) =>
      openWebhookStore(recording).deliveries({ platform: 'driver', limit: 10 })
    const steps = await plans(list)
    expect(steps).to.match(
      /SEARCH webhook_delivery USING INDEX \w+ \(endpoint_id=\? AND rowid<\?\)/,
    )
    expect(steps).not.to.match(/SCAN webhook_delivery|TEMP B-TREE/)
    expect((await list(db)).map(({ id }) => id)).to.deep.equal([3, 1])
  })

  it('counts once for all numbers of a scrape, and again at the next', async () => {
    const metrics = openMetrics()
    let reads = 0
    const store = openWebhookStore(db)
    const backlog = () => {
      reads += 1
      return store.backlog()
    }
    measureWebhooks(metrics, { backlog }, () => NOW + 5)
    const { text } = await metrics.render()
    expect(text).to.contain('carnet_webhook_deliveries{state="pending"} 3')
    expect(text).to.contain('carnet_webhook_oldest_due_seconds 5')
    expect(reads).to.equal(1)
    await metrics.render()
    expect(reads).to.equal(2)
  })
})
