import { expect } from 'chai'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import {
  allocateIndexes,
  changeStatus,
  endSuspensions,
  stirDecoys,
} from '../../issuer/status/store.sqlite.ts'
import { statusRetiredEntry } from '../../shared/audit/status-leaf.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { immediate } from '../../shared/store/database.sqlite.ts'
import { auditOnce, NEW_AUDIT } from '../../verifier/audit/audit.ts'
import { openAuditedIssuer } from '../support/audited-issuer.ts'
import { NOW } from '../support/pki.ts'

const DAY = 86_400
const DAYS = 365
const EVENTS = 100_000
/** The default rhythm: 105,120 publications of each list. */
const INTERVAL = 300
const ROUNDS = (DAYS * DAY) / INTERVAL
/**
 * Small, because the run costs what is published: a list of half a KiB takes the same way as one of 256 KiB. It fills within
 * half a year, so that lists close, open and are retired.
 */
const POOL = { name: 'standard', size: 2 ** 11, lanes: 1, decoys: 64 }
const LIFETIME = 60 * DAY
const subjectKey = Buffer.alloc(32, 5)

describe('a year of honest operation (slow)', function () {
  this.timeout(60 * 60_000)

  it(`has no finding in ${ROUNDS} publications and ${EVENTS} events`, async () => {
    const issuer = await openAuditedIssuer({
      pool: POOL,
      cadence: { intervalSeconds: INTERVAL, validitySeconds: 12 * INTERVAL },
      validDays: DAYS + 1,
    })
    const { db, publisher } = issuer
    let seed = 7
    const chance = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return seed / 2 ** 32
    }
    const live: { reference: StatusReference; expires: number; suspendedUntil: number }[] = []
    const counts = { issued: 0, changed: 0, lifted: 0, emergencies: 0, judged: 0 }
    const total = () => counts.issued + counts.changed + counts.lifted
    let state = NEW_AUDIT
    const act = (now: number): void => {
      if (live.length < 100 || chance() < 0.08) {
        const [reference] = allocateIndexes(db, {
          copies: 1,
          credentialExpires: now + LIFETIME,
          now,
        })
        if (reference !== undefined) {
          live.push({ reference, expires: now + LIFETIME, suspendedUntil: 0 })
        }
        counts.issued++
        return
      }
      const at = Math.floor(chance() * live.length)
      const one = live[at]
      if (one === undefined) return
      if (one.expires <= now) {
        live.splice(at, 1)
        return
      }
      if (one.suspendedUntil > now) return
      const change = { reference: one.reference, actor: 'op', requestedAt: now, subjectKey, now }
      if (chance() < 0.97) {
        one.suspendedUntil = now + Math.ceil(chance() * 2 * DAY)
        const until = one.suspendedUntil
        changeStatus(db, { ...change, to: 'suspended', reasonClass: 'fraud', until })
        // Lifted by the publication that finds its end; until then nobody may change it again.
        one.suspendedUntil += 2 * INTERVAL
      } else {
        changeStatus(db, { ...change, to: 'revoked', reasonClass: 'superseded' })
        live.splice(at, 1)
      }
      counts.changed++
    }
    for (let round = 1; round <= ROUNDS; round++) {
      const now = NOW + round * INTERVAL
      issuer.now = now
      await publisher.store.keepOpen(POOL, now)
      immediate(db, () => {
        for (let tries = 0; total() < (EVENTS * round) / ROUNDS && tries < 20; tries++) act(now)
        counts.lifted += endSuspensions(db, { now, subjectKeyOf: () => subjectKey })
        stirDecoys(db, { random: (length) => new Uint8Array(length).fill(chance() * 256), now })
      })
      await issuer.publish()
      if (round % 1000 === 0) {
        counts.emergencies++
        await publishStatusLists(publisher, now + 100, 'emergency')
        issuer.now = now + 100
      }
      if (round % 288 !== 0) continue
      const result = await auditOnce(issuer.source, issuer.vkey, { state, now: issuer.now })
      expect(result.findings, `day ${round / 288}`).to.deep.equal([])
      state = result.state
      counts.judged += result.judged
    }
    expect(total()).to.be.at.least(EVENTS)
    expect(counts.judged).to.be.at.least(ROUNDS)
    expect(await publisher.log.check()).to.deep.equal([])
    const retired = db
      .prepare(`SELECT entry FROM audit_entry WHERE CAST(entry AS TEXT) LIKE '%"status.retired"%'`)
      .pluck()
      .all() as Buffer[]
    for (const entry of retired) statusRetiredEntry.parse(JSON.parse(entry.toString()))
    expect(retired.length, 'lists that ended').to.be.above(0)
    process.stdout.write(
      `      ${state.known?.checkpoint.size} entries, ${JSON.stringify(counts)}, ${retired.length} lists retired\n`,
    )
    await issuer.close()
  })
})
