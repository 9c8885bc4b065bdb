import type { Readiness } from '../observe/readiness.ts'

/**
 * Whether requests may be sent to a process that serves several tenants: while there is one for whom they may. What
 * fails at one is named by `TENANT/CHECK` and is no reason to send nobody's requests here; each tenant's own address
 * says whether its own may be sent.
 */
export function readinessOfAny(
  tenants: ReadonlyMap<string, () => Promise<Readiness>>,
): () => Promise<Readiness> {
  return async () => {
    const told = await Promise.all(
      [...tenants].map(async ([name, read]) => [name, await read()] as const),
    )
    const checks = told.flatMap(([name, readiness]) =>
      Object.entries(readiness.checks).map(
        ([check, result]) => [`${name}/${check}`, result] as const,
      ),
    )
    return {
      status: statusOf(told.map(([, { status }]) => status)),
      checks: Object.fromEntries(checks),
    }
  }
}

function statusOf(states: readonly Readiness['status'][]): Readiness['status'] {
  if (states.includes('stopping')) return 'stopping'
  return states.includes('ready') ? 'ready' : 'not ready'
}
