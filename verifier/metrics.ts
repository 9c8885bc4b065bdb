import type { AuditLog } from '../shared/audit/log.ts'
import { measureLog } from '../shared/audit/metrics.ts'
import type { Clock } from '../shared/clock.ts'
import type { Metrics } from '../shared/observe/metrics.ts'
import type { TrustListKeeper } from './trust-list.ts'

/** Registers what a verifier tells of the trust list that it relies on, and of its log. */
export function measureVerifier(
  metrics: Metrics,
  sources: {
    readonly trustList: Pick<TrustListKeeper, 'current'>
    readonly auditLog: Pick<AuditLog, 'size'>
    readonly clock: Clock
  },
): void {
  const { trustList, auditLog, clock } = sources
  metrics.gauge({
    name: 'carnet_trust_list_in_force',
    help: '1 while there is a trust list to rely on, 0 while nothing can be verified',
    read: () => {
      try {
        trustList.current(clock())
        return 1
      } catch {
        return 0
      }
    },
  })
  measureLog(metrics, auditLog)
}
