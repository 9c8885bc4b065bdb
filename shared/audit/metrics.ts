import type { Metrics } from '../observe/metrics.ts'
import type { AuditLog } from './log.ts'

/** Registers the length of a log and what of it no served checkpoint covers. */
export function measureLog(metrics: Metrics, auditLog: Pick<AuditLog, 'size'>): void {
  metrics.gauge({
    name: 'carnet_log_entries',
    help: 'Entries of the audit log',
    read: async () => (await auditLog.size()).appended,
  })
  metrics.gauge({
    name: 'carnet_log_lag_entries',
    help: 'Entries of the audit log that no served checkpoint covers yet',
    read: async () => {
      const { appended, served } = await auditLog.size()
      return appended - served
    },
  })
}
