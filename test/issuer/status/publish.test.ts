import { expect } from 'chai'
import { publishStatusLists } from '../../../issuer/status/publish.ts'
import { type CredentialStatus, PublicationMismatch } from '../../../issuer/status/status.ts'
import { allocateIndexes, changeStatus } from '../../../issuer/status/store.sqlite.ts'
import { chunkRoot } from '../../../shared/audit/chunk-proof.ts'
import { decodeEntry } from '../../../shared/audit/entry.ts'
import { parseVkey } from '../../../shared/audit/note.ts'
import { verifyTlogProof } from '../../../shared/audit/proof.ts'
import { statusPublishedEntry } from '../../../shared/audit/status-leaf.ts'
import { parseEntryBundle } from '../../../shared/audit/tile.ts'
import { sha256Base64url } from '../../../shared/hash.ts'
import { Problem } from '../../../shared/problem.ts'
import type { StatusReference } from '../../../shared/status-list/reference.ts'
import { immediate } from '../../../shared/store/database.sqlite.ts'
import {
  listOf,
  openStatusFixture,
  type StatusFixture,
  TEST_POOL,
  valueAt,
} from '../../support/status.ts'

const NOW = 1_800_000_000
const EXPIRES = NOW + 86_400 * 365

describe('publishStatusLists', () => {
  let fixture: StatusFixture
  let references: StatusReference[]
  const change = (to: CredentialStatus, now: number, reference = references[0]) =>
    immediate(fixture.db, () =>
      changeStatus(fixture.db, {
        reference: reference as StatusReference,
        to,
        reasonClass: 'compliance',
        actor: 'operator-1',
        requestedAt: now,
        subjectKey: Buffer.alloc(32, 9),
        now,
      }),
    )
  const currentValue = async (reference = references[0]) => {
    const { uri = '', idx = -1 } = reference ?? {}
    const token = await fixture.store.current(uri.split('/').at(-1) ?? '')
    return valueAt(listOf(token?.token ?? ''), idx)
  }

  beforeEach(async () => {
    fixture = openStatusFixture()
    await fixture.store.keepOpen(TEST_POOL, NOW)
    await publishStatusLists(fixture.publisher, NOW)
    references = immediate(fixture.db, () =>
      allocateIndexes(fixture.db, { copies: 2, credentialExpires: EXPIRES, now: NOW }),
    )
  })
  afterEach(() => fixture.db.close())

  it('puts the copies of a batch on different lists', () => {
    expect(new Set(references.map(({ uri }) => uri)).size).to.equal(2)
  })

  it('carries a change in the next publication and in none before', async () => {
    change('revoked', NOW + 1)
    expect(await currentValue()).to.equal(0)
    await publishStatusLists(fixture.publisher, NOW + 2)
    expect(await currentValue()).to.equal(1)
    expect(await currentValue(references[1])).to.equal(0)
  })

  it('archives each token as it was signed and answers with it for its time (Token Status List §8.4)', async () => {
    const list = (references[0]?.uri ?? '').split('/').at(-1) ?? ''
    const before = await fixture.store.current(list)
    change('revoked', NOW + 1)
    await publishStatusLists(fixture.publisher, NOW + 300)
    expect(await fixture.store.at(list, NOW + 299)).to.deep.equal(before)
    expect(await fixture.store.at(list, NOW + 300)).to.deep.equal(await fixture.store.current(list))
    expect(await fixture.store.at(list, NOW - 1)).to.equal(undefined)
    expect(await fixture.store.at(list, NOW + 300 + 3601)).to.equal(undefined)
    expect(await fixture.store.bySha256(before?.sha256 ?? '')).to.deep.equal(before)
  })

  it('logs each token with the leaf before and the root of its list', async () => {
    change('suspended', NOW + 1)
    const published = await publishStatusLists(fixture.publisher, NOW + 2)
    for (const { leaf, token, sha256, uri, sequence } of published) {
      const bytes = await entryAt(fixture, leaf)
      const entry = statusPublishedEntry.parse(decodeEntry(bytes))
      expect(entry.sha256).to.equal(sha256).and.to.equal(sha256Base64url(token))
      expect(entry.root).to.equal(chunkRoot(listOf(token)).toString('base64url'))
      expect([entry.list, entry.sequence]).to.deep.equal([uri, sequence])
      const proof = (await fixture.log.prove(leaf)) ?? ''
      expect(verifyTlogProof(proof, bytes, parseVkey(fixture.log.vkey)).index).to.equal(leaf)
    }
  })

  it('serves no token before a checkpoint covers it', async () => {
    change('revoked', NOW + 1)
    const failing = { ...fixture.log, publish: () => Promise.reject(new Error('no disk')) }
    const attempt = publishStatusLists({ ...fixture.publisher, log: failing }, NOW + 2)
    expect(await attempt.catch((error) => error.message)).to.equal('no disk')
    expect(await currentValue()).to.equal(0)
    await fixture.log.publish(NOW + 3)
    expect(await currentValue()).to.equal(1)
  })

  it('says nothing of a person in the log', async () => {
    change('revoked', NOW + 1)
    await publishStatusLists(fixture.publisher, NOW + 2)
    const leaves = fixture.db
      .prepare('SELECT CAST(entry AS TEXT) AS e FROM audit_entry')
      .pluck()
      .all()
    const changed = leaves
      .map((text) => JSON.parse(String(text)))
      .filter(({ type }) => type === 'status.changed')
    expect(changed).to.have.length(1)
    expect(Object.keys(changed[0])).to.have.members(['type', 'at', 'commitment'])
    expect(JSON.stringify(leaves)).not.to.include('compliance')
  })

  it('lets suspended come back and revoked never', async () => {
    change('suspended', NOW + 1)
    await publishStatusLists(fixture.publisher, NOW + 2)
    expect(await currentValue()).to.equal(2)
    change('valid', NOW + 3)
    await publishStatusLists(fixture.publisher, NOW + 4)
    expect(await currentValue()).to.equal(0)
    change('revoked', NOW + 5)
    for (const to of ['valid', 'suspended', 'revoked'] as const) {
      expect(() => change(to, NOW + 6))
        .to.throw(Problem)
        .with.property('code', 'status_final')
    }
  })

  it('stops when the database has lost a revocation', async () => {
    change('revoked', NOW + 1)
    await publishStatusLists(fixture.publisher, NOW + 2)
    fixture.db.exec(
      'DROP TRIGGER status_entry_revoked_is_final; UPDATE status_entry SET status = 0',
    )
    await refuses(publishStatusLists(fixture.publisher, NOW + 3))
    expect(await currentValue()).to.equal(1)
  })

  it('stops when a row was altered without a change on record', async () => {
    fixture.db.exec('UPDATE status_entry SET status = 2')
    await refuses(publishStatusLists(fixture.publisher, NOW + 3))
  })

  it('stops when what was signed is not what is stored', async () => {
    const { signToken } = fixture.publisher
    const wrong: typeof signToken = (claims) => {
      const list = Uint8Array.from(claims.list)
      list[7] = 1
      return signToken({ ...claims, list })
    }
    await refuses(publishStatusLists({ ...fixture.publisher, signToken: wrong }, NOW + 3))
  })

  it('stops when the clock is set back', async () => {
    await refuses(publishStatusLists(fixture.publisher, NOW - 1))
  })

  it('publishes again in the same second, and the later publication answers for it', async () => {
    change('revoked', NOW)
    await publishStatusLists(fixture.publisher, NOW, 'emergency')
    const list = (references[0]?.uri ?? '').split('/').at(-1) ?? ''
    expect(await fixture.store.at(list, NOW)).to.deep.equal(await fixture.store.current(list))
    expect(await currentValue()).to.equal(1)
  })

  it('records nothing for any list while one does not agree', async () => {
    const size = () => fixture.db.prepare('SELECT count(*) FROM audit_entry').pluck().get()
    fixture.db.prepare('UPDATE status_entry SET status = 2 WHERE idx = ?').run(references[1]?.idx)
    const before = size()
    await refuses(publishStatusLists(fixture.publisher, NOW + 3))
    expect(size()).to.equal(before)
  })

  it('lets one of two publishers win and none publish twice', async () => {
    change('revoked', NOW + 1)
    const outcomes = await Promise.allSettled([
      publishStatusLists(fixture.publisher, NOW + 2),
      publishStatusLists(fixture.publisher, NOW + 2),
    ])
    expect(outcomes.filter(({ status }) => status === 'rejected')).to.have.length(1)
    const doubled = fixture.db
      .prepare('SELECT list FROM status_publication GROUP BY list HAVING max(sequence) <> count(*)')
      .all()
    expect(doubled).to.deep.equal([])
    expect(await currentValue()).to.equal(1)
  })
})

describe('allocateIndexes', () => {
  it('uses no list before it is live', async () => {
    const { db, store } = openStatusFixture()
    await store.keepOpen(TEST_POOL, NOW)
    const allocate = () => allocateIndexes(db, { copies: 1, credentialExpires: EXPIRES, now: NOW })
    expect(allocate).to.throw(Problem).with.property('code', 'busy')
    db.close()
  })

  it('gives no index twice, fills every list and moves on to the next without a gap', async () => {
    const { db, store, publisher } = openStatusFixture()
    const pool = { name: 'standard', size: 16, lanes: 2 }
    const seen = new Set<string>()
    for (let n = 0; n < 60; n++) {
      await store.keepOpen(pool, NOW)
      await publishStatusLists(publisher, NOW + n)
      for (const { uri, idx } of allocateIndexes(db, {
        copies: 2,
        credentialExpires: EXPIRES,
        now: NOW,
      })) {
        expect(idx).to.be.within(0, 15)
        seen.add(`${uri}#${idx}`)
      }
    }
    expect(seen.size).to.equal(120)
    db.close()
  })
})

async function entryAt({ log, db }: StatusFixture, leaf: number): Promise<Buffer> {
  const size = Number(db.prepare('SELECT max(size) FROM audit_checkpoint').pluck().get())
  const bundle = await log.entryBundle(0, size)
  return parseEntryBundle(bundle ?? Buffer.alloc(0), size)[leaf] ?? Buffer.alloc(0)
}

async function refuses(publication: Promise<unknown>): Promise<void> {
  const outcome = await publication.catch((error) => error)
  expect(outcome).to.be.instanceOf(PublicationMismatch)
}
