import { expect } from 'chai'
import {
  allocateIndexes,
  changeStatus,
  endSuspensions,
  stirDecoys,
} from '../../issuer/status/store.sqlite.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { immediate } from '../../shared/store/database.sqlite.ts'
import { auditOnce, NEW_AUDIT } from '../../verifier/audit/audit.ts'
import { openAuditedIssuer } from '../support/audited-issuer.ts'
import { NOW } from '../support/pki.ts'

const DAY = 86_400
/** One day less than the certificates of these tests last. */
const DAYS = 364
const EVENTS = 100_000
/** Four publications a day keep the run in minutes; the rules judge by the `ttl` that the tokens declare. */
const INTERVAL = DAY / 4
const subjectKey = Buffer.alloc(32, 5)

describe('a year of honest operation (slow)', function () {
  this.timeout(30 * 60_000)

  it(`has no finding in ${EVENTS} events`, async () => {
    const issuer = await openAuditedIssuer({
      pool: { name: 'standard', size: 2 ** 18, lanes: 2, decoys: 256 },
      cadence: { intervalSeconds: INTERVAL, validitySeconds: 2 * INTERVAL },
      validDays: DAYS + 1,
    })
    let seed = 7
    const chance = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return seed / 2 ** 32
    }
    const live: StatusReference[] = []
    let state = NEW_AUDIT
    let events = 0
    const rounds = (DAYS * DAY) / INTERVAL
    for (let round = 1; round <= rounds; round++) {
      issuer.now = NOW + round * INTERVAL
      const { now, db } = issuer
      immediate(db, () => {
        for (let n = 0; n < EVENTS / rounds; n++, events++) {
          if (live.length < 100 || chance() < 0.6) {
            const request = { copies: 2, credentialExpires: now + 90 * DAY, now }
            live.push(...allocateIndexes(db, request))
            continue
          }
          const [reference] = live.splice(Math.floor(chance() * live.length), 1)
          if (reference === undefined) continue
          const change = { reference, actor: 'op', requestedAt: now, subjectKey, now }
          if (chance() < 0.3) {
            const until = now + Math.ceil(chance() * 10 * DAY)
            changeStatus(db, { ...change, to: 'suspended', reasonClass: 'fraud', until })
          } else changeStatus(db, { ...change, to: 'revoked', reasonClass: 'superseded' })
        }
        endSuspensions(db, { now, subjectKeyOf: () => subjectKey })
        stirDecoys(db, { random: (length) => new Uint8Array(length).fill(chance() * 256), now })
      })
      await issuer.publish()
      if (round % 4 !== 0) continue
      const result = await auditOnce(issuer.source, issuer.vkey, { state, now })
      expect(result.findings, `day ${round / 4}`).to.deep.equal([])
      state = result.state
    }
    expect(events).to.be.at.least(EVENTS)
    expect(await issuer.publisher.log.check()).to.deep.equal([])
    process.stdout.write(
      `      ${state.known?.checkpoint.size} entries, ${state.tokens.size} tokens\n`,
    )
    await issuer.close()
  })
})
