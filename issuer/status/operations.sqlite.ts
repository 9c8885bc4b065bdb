import type { NumericDate } from '../../shared/clock.ts'
import { effectOnce } from '../../shared/idempotency/once.sqlite.ts'
import type { IdempotencyKey } from '../../shared/idempotency/once.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import { type Database, immediate } from '../../shared/store/database.sqlite.ts'
import { approveBulk, proposeBulk } from './bulk.sqlite.ts'
import { noHold } from './notice.ts'
import {
  countOpenNotices,
  markTold,
  openNotices,
  overdueNotices,
  releaseNotice,
  timeliness,
} from './notices.sqlite.ts'
import type { StatusOperations } from './operations.ts'
import { changeStatus, endSuspensions, stirDecoys, withdrawChange } from './store.sqlite.ts'

/** Opens what operators do. `subjectKeyOf` answers the key of the person behind a reference, if it still exists. */
export function openStatusOperations(
  db: Database,
  options: {
    readonly random: Random
    subjectKeyOf(reference: StatusReference): Uint8Array | undefined
  },
): StatusOperations {
  const { random, subjectKeyOf } = options
  const requireKey = (reference: StatusReference): Uint8Array => {
    const key = subjectKeyOf(reference)
    if (key === undefined) {
      throw new Problem('credential_not_found', 'nobody has a credential with this status')
    }
    return key
  }
  const once = <Result>(
    key: IdempotencyKey | undefined,
    now: NumericDate,
    effect: () => Result,
  ): Result => immediate(db, () => effectOnce(db, key, now, effect))
  return {
    change: async ({ requestedAt, ...change }, actor, now, key) =>
      once(key, now, () =>
        changeStatus(db, {
          ...change,
          actor,
          requestedAt: requestedAt ?? now,
          subjectKey: requireKey(change.reference),
          now,
        }),
      ),
    withdraw: async (event, now, key) => {
      once(key, now, () => {
        withdrawChange(db, { event, now })
        return true
      })
    },
    proposeBulk: async (change, actor, now, key) =>
      once(key, now, () => proposeBulk(db, change, { actor, random, now })),
    approveBulk: async (bulk, actor, now, key) =>
      once(key, now, () => {
        const approval = { actor, now, subjectKeyOf: requireKey }
        return approveBulk(db, bulk, approval).length
      }),
    openNotices: async (page) => openNotices(db, page),
    countOpenNotices: async () => countOpenNotices(db),
    markTold: async (event, now) => markTold(db, { event, now }),
    releaseNotice: async (event, now, key) => {
      once(key, now, () => {
        if (!releaseNotice(db, { event, now, random })) throw noHold()
        return true
      })
    },
    overdueNotices: async (now) => overdueNotices(db, now),
    timeliness: async (from, to) => timeliness(db, { from, to }),
    advance: async (now) =>
      immediate(db, () => {
        endSuspensions(db, { now, subjectKeyOf })
        stirDecoys(db, { random, now })
      }),
  }
}
