import type { Random } from '../../shared/random.ts'
import type { Database } from '../../shared/store/database.postgres.ts'
import { approveBulk, proposeBulk, requireKey } from './bulk.postgres.ts'
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
  return {
    change: ({ requestedAt, ...change }, actor, now) =>
      db.transaction(async (tx) => {
        const [key] = await subjectKeysOf(tx, [change.reference])
        const subjectKey = requireKey(key)
        const decided = { ...change, actor, requestedAt: requestedAt ?? now, subjectKey, now }
        const [event] = await changeStatuses(tx, [decided])
        return event ?? 0
      }),
    withdraw: (event, now) => db.transaction((tx) => withdrawChange(tx, { event, now })),
    proposeBulk: (change, actor, now) =>
      db.transaction((tx) => proposeBulk(tx, change, { actor, random, now })),
    approveBulk: (bulk, actor, now) =>
      db.transaction((tx) => approveBulk(tx, bulk, { actor, now, subjectKeysOf })),
    openNotices: (page) => openNotices(db, page),
    countOpenNotices: () => countOpenNotices(db),
    markTold: (event, now) => markTold(db, { event, now }),
    releaseNotice: (event, now) => releaseNotice(db, { event, now }),
    overdueNotices: (now) => overdueNotices(db, now),
    timeliness: (from, to) => db.snapshot((tx) => timeliness(tx, { from, to })),
    advance: (now) =>
      db.transaction(async (tx) => {
        await endSuspensions(tx, { now, subjectKeysOf })
        await stirDecoys(tx, { random, now })
      }),
  }
}
