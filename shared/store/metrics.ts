import type { Metrics } from '../observe/metrics.ts'
import type { Lease } from './lease.ts'

/** Registers which of the leases this process was the last to hold: of all servers on one database, one has 1. */
export function measureLeases(metrics: Metrics, leases: Readonly<Record<string, Lease>>): void {
  metrics.gauge({
    name: 'carnet_lease_held',
    help: '1 where this process was the last to hold the lease, 0 where another one has it',
    label: 'lease',
    read: async () => {
      const held = await Promise.all(
        Object.entries(leases).map(async ([name, lease]) => [name, Number(await lease.isOurs())]),
      )
      return Object.fromEntries(held)
    },
  })
}
