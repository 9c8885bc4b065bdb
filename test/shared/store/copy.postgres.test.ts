import { join } from 'node:path'
import { expect } from 'chai'
import { IDENTITY_VCT } from '../../../issuer/credential/identity.ts'
import { DEFAULT_CADENCE, publishStatusLists } from '../../../issuer/status/publish.ts'
import * as postgresStorage from '../../../issuer/storage.postgres.ts'
import * as sqliteStorage from '../../../issuer/storage.sqlite.ts'
import type { IssuerStorage } from '../../../issuer/storage.ts'
import { systemClock } from '../../../shared/clock.ts'
import { listen } from '../../../shared/http/server.http.ts'
import { openEd25519Key } from '../../../shared/key/signer.software.ts'
import { OperatorError } from '../../../shared/operator-error.ts'
import { systemRandom } from '../../../shared/random.ts'
import { type CopyResult, copyStore } from '../../../shared/store/copy.ts'
import * as postgres from '../../../shared/store/database.postgres.ts'
import * as sqlite from '../../../shared/store/database.sqlite.ts'
import { fixturePipeline } from '../../support/evidence.ts'
import { failureOf } from '../../support/failure.ts'
import { openIssuer, testIdentity } from '../../support/issuer.ts'
import { newKeys, submittedSession, testWallet, tokenFor } from '../../support/issuer-client.ts'
import { postgresDatabase } from '../../support/postgres.ts'
import { unsignedTokens } from '../../support/status.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const options = { vct: IDENTITY_VCT, random: systemRandom }

describe('copying a store from SQLite to PostgreSQL', () => {
  const folder = temporaryFolder()
  const path = join(folder.path, 'issuer.db')
  let baseUrl: string
  let logPkcs8: string
  before(async () => {
    const { url, close } = await listen({ host: '127.0.0.1', port: 0 })
    await close()
    const identity = await testIdentity(Number(new URL(url).port), systemClock())
    logPkcs8 = identity.logPkcs8
    const issuer = await openIssuer(fixturePipeline(), { path, identity })
    baseUrl = issuer.url
    for (const place of [0, 1]) {
      const session = await submittedSession(issuer.url)
      const wallet = testWallet(issuer.url)
      const token = await tokenFor(session, wallet)
      const { status } = await wallet.credential(token, newKeys(2))
      expect(status).to.equal(200)
      if (place === 0) {
        const order = { reasonClass: 'fraud', actor: 'op' } as const
        await issuer.store.revoke(session.id, order, systemClock())
      }
    }
    await issuer.publish()
    await issuer.close()
  })
  after(() => folder.remove())

  const copy = (url: string, from = path): Promise<CopyResult[]> =>
    sqliteStorage.copyFromSqlite(from, (source) =>
      postgresStorage.copyToPostgres(url, (target) => copyStore(source, target)),
    )
  const codeOf = async (work: Promise<unknown>): Promise<string> => {
    const failure = await failureOf(work)
    return failure instanceof OperatorError ? failure.code : String(failure)
  }
  const publicFaceOf = async (storage: IssuerStorage) => {
    const { statusStore, store } = storage
    const log = storage.openLog({
      origin: `${new URL(baseUrl).host}/log`,
      signer: openEd25519Key(logPkcs8),
    })
    const lists = await statusStore.publishedLists(systemClock())
    return {
      checkpoint: await log.checkpoint(),
      damage: await log.check(),
      keys: await storage.keys.keys(),
      rules: await store.adoptedRules(),
      tokens: await Promise.all(lists.map((list) => statusStore.current(list))),
      drafts: await Promise.all(lists.map((list) => statusStore.draft(list))),
    }
  }

  it('copies every row of every table, and the log goes on under the same key', async () => {
    const url = await postgresDatabase()
    const results = await copy(url)
    const rows = Object.fromEntries(results.map((result) => [result.table, result.rows]))
    expect(rows).to.include({ session: 2, issuance: 2, revocation: 1, status_event: 2 })
    expect(rows.audit_entry).to.be.above(10)
    const old = await sqliteStorage.openIssuerStorage(path, { ...options, baseUrl })
    const moved = await postgresStorage.openIssuerStorage(url, { ...options, baseUrl })
    try {
      const before = await publicFaceOf(old)
      expect(before.damage).to.deep.equal([])
      expect(await publicFaceOf(moved)).to.deep.equal(before)
      const { statusStore: store } = moved
      const signer = openEd25519Key(logPkcs8)
      const log = moved.openLog({ origin: `${new URL(baseUrl).host}/log`, signer })
      const order = { reasonClass: 'fraud', actor: 'op' } as const
      const sessions = await postgresSessions(url)
      const alive = sessions.find(({ revoked }) => !revoked)?.id ?? ''
      expect(await moved.store.revoke(alive, order, systemClock())).to.equal(2)
      const now = systemClock() + 1
      const done = await moved.publication.during(() =>
        publishStatusLists({ store, log, cadence: DEFAULT_CADENCE, ...unsignedTokens }, now),
      )
      expect(done?.result).to.have.length(10)
      expect(await log.check()).to.deep.equal([])
    } finally {
      await old.close()
      await moved.close()
    }
  })

  it('refuses a database that is not empty, and changes nothing in it', async () => {
    const url = await postgresDatabase()
    const storage = await postgresStorage.openIssuerStorage(url, { ...options, baseUrl })
    await storage.keys.addKey({ id: 'a', name: 'ada', role: 'operator', sha256: 'x' }, 1)
    await storage.close()
    expect(await codeOf(copy(url))).to.equal('store_not_empty')
    const db = await postgres.openDatabase(url, postgresStorage.issuerSchema)
    expect(await db.all('SELECT name FROM issued_key')).to.deep.equal([{ name: 'ada' }])
    expect(await db.all('SELECT idx FROM audit_entry')).to.deep.equal([])
    await db.close()
    expect(await codeOf(copy(url, join(folder.path, 'missing.db')))).to.equal('file_unreadable')
  })

  it('leaves nothing of a copy that fails on the way or does not read back', async () => {
    const url = await postgresDatabase()
    const spoiled = (spoil: boolean) =>
      sqliteStorage.copyFromSqlite(path, (source) =>
        postgresStorage.copyToPostgres(url, (target) =>
          copyStore(source, {
            ...target,
            append: async (table, rows) => {
              if (!spoil && table.name === 'status_publication') throw new Error('killed')
              const changed = rows.map((row) =>
                row.map((value) => (typeof value === 'string' ? `${value}!` : value)),
              )
              return target.append(table, spoil && table.name === 'audit_served' ? changed : rows)
            },
          }),
        ),
      )
    expect(await codeOf(spoiled(false))).to.match(/killed/)
    expect(await codeOf(spoiled(true))).to.equal('copy_failed')
    expect((await copy(url)).length, 'begun again').to.be.above(10)
  })

  it('holds off a server that still writes to the file', async () => {
    const url = await postgresDatabase()
    const other = sqlite.openDatabase(path, sqliteStorage.issuerSchema)
    other.pragma('busy_timeout = 1')
    await sqliteStorage.copyFromSqlite(path, async (source) => {
      expect(() => other.exec("UPDATE issued_key SET name = 'x'")).to.throw(/locked/)
      return postgresStorage.copyToPostgres(url, (target) => copyStore(source, target))
    })
    other.close()
  })

  const postgresSessions = async (url: string) => {
    const db = await postgres.openDatabase(url, postgresStorage.issuerSchema)
    try {
      return await db.all<{ id: string; revoked: boolean }>(
        `SELECT id, EXISTS (SELECT 1 FROM revocation WHERE session_id = id) AS revoked FROM session`,
      )
    } finally {
      await db.close()
    }
  }
})
