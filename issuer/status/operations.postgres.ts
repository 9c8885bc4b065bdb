import type { NumericDate } from '../../shared/clock.ts'
import { effectOnce } from '../../shared/idempotency/once.postgres.ts'
import type { IdempotencyKey } from '../../shared/idempotency/once.ts'
import type { Random } from '../../shared/random.ts'
import type { Database, Sql } from '../../shared/store/database.postgres.ts'
import { approveBulk, proposeBulk, requireKey } from './bulk.postgres.ts'
import { noHold } from './notice.ts'
import {
  countOpenNotices,
  markTold,
  openNotices,
  overdueNotices,
  releaseNotice,
  timeliness,
} from './notices.postgres.ts'
import type { StatusOperations } from './operations.ts'
import {
  changeStatuses,
  endSuspensions,
  type SubjectKeysOf,
  stirDecoys,
  withdrawChange,
} from './store.postgres.ts'

/** Opens what operators do. */
export function openStatusOperations(
  db: Database,
  options: { readonly random: Random; readonly subjectKeysOf: SubjectKeysOf },
): StatusOperations {
  const { random, subjectKeysOf } = options
  const once = <Result>(
    key: IdempotencyKey | undefined,
    now: NumericDate,
    effect: (tx: Sql) => Promise<Result>,
  ): Promise<Result> => db.transaction((tx) => effectOnce(tx, key, now, () => effect(tx)))
  return {
    change: ({ requestedAt, ...change }, actor, now, key) =>
      once(key, now, async (tx) => {
        const [key] = await subjectKeysOf(tx, [change.reference])
        const subjectKey = requireKey(key)
        const decided = { ...change, actor, requestedAt: requestedAt ?? now, subjectKey, now }
        const [event] = await changeStatuses(tx, [decided])
        return event ?? 0
      }),
    withdraw: async (event, now, key) => {
      await once(key, now, async (tx) => {
        await withdrawChange(tx, { event, now })
        return true
      })
    },
    proposeBulk: (change, actor, now, key) =>
      once(key, now, (tx) => proposeBulk(tx, change, { actor, random, now })),
    approveBulk: (bulk, actor, now, key) =>
      once(
        key,
        now,
        async (tx) => (await approveBulk(tx, bulk, { actor, now, subjectKeysOf })).length,
      ),
    openNotices: (page) => openNotices(db, page),
    countOpenNotices: () => countOpenNotices(db),
    markTold: (event, now) => markTold(db, { event, now }),
    releaseNotice: async (event, now, key) => {
      await once(key, now, async (tx) => {
        if (!(await releaseNotice(tx, { event, now, random }))) throw noHold()
        return true
      })
    },
    overdueNotices: (now) => overdueNotices(db, now),
    timeliness: (from, to) => db.snapshot((tx) => timeliness(tx, { from, to })),
    advance: (now) =>
      db.transaction(async (tx) => {
        await endSuspensions(tx, { now, subjectKeysOf })
        await stirDecoys(tx, { random, now })
      }),
  }
}
