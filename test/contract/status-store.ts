import { expect } from 'chai'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import type { ReadServedPools } from '../../issuer/status/served-pools.ts'
import {
  type CredentialStatus,
  type ListPool,
  lifetimeClass,
  type NewPublication,
  PublicationMismatch,
  type StatusStore,
} from '../../issuer/status/status.ts'
import { parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import { decodeEntry } from '../../shared/audit/entry.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { parseEntryBundle } from '../../shared/audit/tile.ts'
import { Problem } from '../../shared/problem.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import { listOf, unsignedTokens, valueAt } from '../support/status.ts'

/** One handle on the lists and the log of an issuer, as one process has it. */
export interface StatusStoreHandle {
  readonly store: StatusStore
  readonly log: AuditLog
  readonly servedPools: ReadServedPools
  readonly webhooks: WebhookStore
  /** Allocates in a transaction of its own, for a subject or for none. */
  allocate(copies: number, credentialExpires: number, subject?: string): Promise<StatusReference[]>
  /** Changes a status in a transaction of its own. */
  change(reference: StatusReference, to: CredentialStatus, now: number): Promise<number>
}

/** Two handles on one empty database. */
export interface StatusStoreFixture {
  readonly first: StatusStoreHandle
  readonly second: StatusStoreHandle
  close(): Promise<void>
}

const NOW = 1_800_000_000
const POOL: ListPool = { name: 'standard', size: 64, lanes: 3 }

/** The promises of {@link StatusStore}, to be kept by every adapter. */
export function statusStoreContract(name: string, open: () => Promise<StatusStoreFixture>): void {
  describe(`StatusStore, ${name}`, () => {
    let fixture: StatusStoreFixture
    const publish = ({ store, log }: StatusStoreHandle, now: number) =>
      publishStatusLists(
        { store, log, cadence: { intervalSeconds: 300, validitySeconds: 3600 }, ...unsignedTokens },
        now,
      )
    const idOf = (uri: string): string => uri.split('/').at(-1) ?? ''
    const statusAt = async ({ uri, idx }: StatusReference, time?: number) => {
      const { store } = fixture.second
      const token = await (time === undefined
        ? store.current(idOf(uri))
        : store.at(idOf(uri), time))
      return token === undefined ? undefined : valueAt(listOf(token.token), idx)
    }

    beforeEach(async () => {
      fixture = await open()
      await fixture.first.store.keepOpen(POOL, NOW)
    })
    afterEach(() => fixture.close())

    it('keeps as many lists open as the pool has lanes, and no more', async () => {
      await fixture.second.store.keepOpen(POOL, NOW)
      expect(await fixture.first.store.publishedLists(NOW)).to.have.length(3)
      expect(await fixture.second.store.uris(NOW)).to.have.length(3)
    })

    it('tells the operator of each change that a publication carries, once, and no platform', async () => {
      const { first } = fixture
      const types = ['carnet.credential.status-changed.v1'] as const
      const hook = { types, createdAt: NOW }
      const operator = { id: 'o', url: 'https://o.example', platform: undefined, ...hook }
      await first.webhooks.addEndpoint(operator)
      await first.webhooks.addEndpoint({
        id: 'd',
        url: 'https://d.example',
        platform: 'driver',
        ...hook,
      })
      await publish(first, NOW)
      const [credential, other] = await first.allocate(2, NOW + 9000, 'session-1')
      const [nobodys] = await first.allocate(1, NOW + 9000)
      const told = async () =>
        (await fixture.second.webhooks.deliveries({ limit: 9 }))
          .map(({ endpointId, event: { id: _, ...event } }) => ({ endpointId, ...event }))
          .reverse()
      await first.change(credential as StatusReference, 'suspended', NOW + 1)
      await first.change(nobodys as StatusReference, 'revoked', NOW + 1)
      expect(await told()).to.deep.equal([])
      await publish(first, NOW + 5)
      const event = { endpointId: 'o', type: types[0], subject: 'session-1' }
      const suspended = { ...event, sequence: 1, at: NOW + 5, data: { status: 'suspended' } }
      expect(await told()).to.deep.equal([suspended])
      await publish(first, NOW + 6)
      expect(await told()).to.deep.equal([suspended])
      await first.change(credential as StatusReference, 'revoked', NOW + 7)
      await first.change(other as StatusReference, 'revoked', NOW + 7)
      await publish(first, NOW + 8)
      const revoked = { ...event, at: NOW + 8, data: { status: 'revoked' } }
      expect(await told()).to.deep.equal([
        suspended,
        { ...revoked, sequence: 2 },
        { ...revoked, sequence: 3 },
      ])
    })

    it('gives indexes of lists that are live and of no others', async () => {
      const early = await fixture.first.allocate(1, NOW + 9).catch((error) => error)
      expect(early).to.be.instanceOf(Problem).with.property('code', 'busy')
      await publish(fixture.first, NOW)
      const references = await fixture.first.allocate(3, NOW + 9)
      expect(new Set(references.map(({ uri }) => uri)).size).to.equal(3)
      const many = await fixture.first.allocate(4, NOW + 9).catch((error) => error)
      expect(many).to.be.instanceOf(Problem).with.property('code', 'busy')
    })

    it('gives indexes on lists of the same lifetime class while there is room, and then on others', async () => {
      const { first } = fixture
      const before = new Set(await first.store.uris(NOW))
      const year = { name: 'year', size: 4, lanes: 2 }
      await first.store.keepOpen(year, NOW)
      const ofYear = new Set((await first.store.uris(NOW)).filter((uri) => !before.has(uri)))
      expect(ofYear.size).to.equal(2)
      await publish(first, NOW)
      const takes = async (days: number) => {
        const references = await fixture.second.allocate(2, NOW + days * 86_400)
        return references.map(({ uri }) => (ofYear.has(uri) ? 'year' : 'other'))
      }
      for (let n = 0; n < 4; n++) expect(await takes(200)).to.deep.equal(['year', 'year'])
      expect(await takes(200)).to.deep.equal(['other', 'other'])
      expect(lifetimeClass(14 * 86_400)).to.equal('month')
      const month = { name: 'month', size: 64, lanes: 1 }
      await first.store.keepOpen(month, NOW)
      await publish(first, NOW + 1)
      const [one] = await first.allocate(1, NOW + 14 * 86_400)
      expect(before.has(one?.uri ?? '')).to.equal(false)
    })

    it('fills a list that is nearly full before its successor, so that it closes and ends', async () => {
      const { first } = fixture
      const one = { name: 'month', size: 40, lanes: 1 }
      const lifetime = 14 * 86_400
      const known = new Set(await first.store.uris(NOW))
      await first.store.keepOpen(one, NOW)
      const [old] = (await first.store.uris(NOW)).filter((uri) => !known.has(uri))
      await publish(first, NOW)
      const taken: string[] = []
      for (let n = 0; n < 45; n++) {
        if (n % 10 === 0) {
          await first.store.keepOpen(one, NOW + n)
          await publish(first, NOW + n)
        }
        const [reference] = await fixture.second.allocate(1, NOW + lifetime)
        taken.push(reference?.uri ?? '')
      }
      expect(taken.slice(0, 40)).to.deep.equal(Array(40).fill(old))
      expect(taken.slice(40)).not.to.include(old)
      const later = NOW + lifetime + 1
      await first.store.keepOpen(one, later)
      expect(await first.store.uris(later)).not.to.include(old)
    })

    it('gives no index twice to two processes at once', async () => {
      await publish(fixture.first, NOW)
      const batches = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          (n % 2 === 0 ? fixture.first : fixture.second).allocate(2, NOW + 9),
        ),
      )
      const taken = batches.flat().map(({ uri, idx }) => `${uri}#${idx}`)
      expect(new Set(taken).size).to.equal(120)
    })

    it('serves what a checkpoint covers, to every process, and its past', async () => {
      await publish(fixture.first, NOW)
      const [reference] = (await fixture.first.allocate(1, NOW + 9)) as [StatusReference]
      await fixture.second.change(reference, 'revoked', NOW + 1)
      expect(await statusAt(reference)).to.equal(0)
      await publish(fixture.first, NOW + 300)
      expect(await statusAt(reference)).to.equal(1)
      expect(await statusAt(reference, NOW + 299)).to.equal(0)
      expect(await statusAt(reference, NOW - 1)).to.equal(undefined)
      expect(await statusAt(reference, NOW + 300 + 3601)).to.equal(undefined)
    })

    it('knows of each pool the list that is worst off, as a checkpoint covers it', async () => {
      const { servedPools } = fixture.second
      const { name } = POOL
      expect(await servedPools(NOW)).to.deep.equal([{ pool: name, iat: NOW, exp: NOW }])
      await publish(fixture.first, NOW + 10)
      expect(await servedPools(NOW + 10)).to.deep.equal([
        { pool: name, iat: NOW + 10, exp: NOW + 3610 },
      ])
      await fixture.first.store.keepOpen({ ...POOL, name: 'another', lanes: 1 }, NOW + 20)
      const pools = await servedPools(NOW + 20)
      expect(pools).to.have.length(2)
      expect(pools).to.deep.include({ pool: 'another', iat: NOW + 20, exp: NOW + 20 })
    })

    it('finds an archived token by its digest', async () => {
      const [publication] = await publish(fixture.first, NOW)
      const archived = await fixture.second.store.bySha256(publication?.sha256 ?? '')
      expect(archived?.token).to.equal(publication?.token)
      expect(await fixture.second.store.bySha256('unknown')).to.equal(undefined)
    })

    it('records a sequence once and never with an earlier iat', async () => {
      const [publication] = await publish(fixture.first, NOW)
      const { list = '', sha256 = '' } = publication ?? {}
      const next: NewPublication = {
        list,
        sequence: 2,
        token: 'a.b.c',
        sha256,
        iat: NOW,
        exp: NOW + 1,
        ttl: 1,
        lastEvent: 0,
        carried: 0,
        entry: { type: 'test', at: NOW },
      }
      for (const wrong of [{ sequence: 1 }, { sequence: 3 }, { iat: NOW - 1 }]) {
        const outcome = await fixture.second.store.record({ ...next, ...wrong }).catch((e) => e)
        expect(outcome).to.be.instanceOf(PublicationMismatch)
      }
      const both = await Promise.allSettled([
        fixture.first.store.record(next),
        fixture.second.store.record(next),
      ])
      expect(both.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    })

    it('lets no change leave revoked', async () => {
      await publish(fixture.first, NOW)
      const [reference] = (await fixture.first.allocate(1, NOW + 9)) as [StatusReference]
      await fixture.first.change(reference, 'suspended', NOW + 1)
      await fixture.first.change(reference, 'revoked', NOW + 2)
      for (const to of ['valid', 'suspended', 'revoked'] as const) {
        const outcome = await fixture.second.change(reference, to, NOW + 3).catch((e) => e)
        expect(outcome).to.be.instanceOf(Problem).with.property('code', 'status_final')
      }
    })

    it('knows no status of an index that was never given', async () => {
      await publish(fixture.first, NOW)
      const [reference] = (await fixture.first.allocate(1, NOW + 9)) as [StatusReference]
      const other = { ...reference, idx: (reference.idx + 1) % POOL.size }
      const outcome = await fixture.first.change(other, 'revoked', NOW).catch((e) => e)
      expect(outcome).to.be.instanceOf(Problem).with.property('code', 'credential_not_found')
    })

    it('publishes a full list until its last credential has expired', async () => {
      await publish(fixture.first, NOW)
      const uris = await fixture.first.store.uris(NOW)
      for (let n = 0; n < POOL.size; n++) await fixture.first.allocate(3, NOW + 1000)
      expect(await fixture.first.store.publishedLists(NOW + 1000)).to.have.length(3)
      expect(await fixture.first.store.publishedLists(NOW + 1001)).to.have.length(0)
      await fixture.first.store.keepOpen(POOL, NOW + 1001)
      const { size } = parseCheckpoint(await fixture.first.log.publish(NOW + 1001))
      const bundle = await fixture.second.log.entryBundle(0, size)
      const retired = parseEntryBundle(bundle ?? Buffer.alloc(0), size)
        .map((bytes) => decodeEntry(bytes))
        .filter(({ type }) => type === 'status.retired')
      expect(retired.map(({ list }) => list)).to.have.members(uris)
      expect(await fixture.first.store.publishedLists(NOW + 1001)).to.have.length(3)
    })
  })
}
