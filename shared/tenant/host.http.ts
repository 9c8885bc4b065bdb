import type { RequestListener } from 'node:http'
import { renderErrors } from '../http/errors.http.ts'
import { openApplication, refuseUnknownRoutes } from '../http/server.http.ts'
import type { Log } from '../log.ts'
import { type Metrics, openMetrics, openTenantMetrics } from '../observe/metrics.ts'
import type { Health, OperatorView } from '../observe/operator.http.ts'
import type { Readiness } from '../observe/readiness.ts'
import type { Random } from '../random.ts'
import { dispatchByAuthority } from './dispatch.http.ts'
import { readinessOfAny } from './readiness.ts'

/** What a program serves for one tenant. */
export interface TenantApplication extends Health {
  /** Without a name where the program has no other tenant. */
  readonly name: string | undefined
  /** Its own address: scheme, host and port. */
  readonly baseUrl: string
  readonly listener: RequestListener
  readonly readiness: () => Promise<Readiness>
}

/** The metrics of a program, and those of each of its tenants, which are the same where there is only one without a name. */
export function openHostMetrics(hasTenants: boolean): {
  readonly metrics: Metrics
  readonly metricsOf: (name: string | undefined) => Metrics
} {
  if (!hasTenants) {
    const metrics = openMetrics()
    return { metrics, metricsOf: () => metrics }
  }
  const metrics = openTenantMetrics()
  return { metrics, metricsOf: (name = '') => metrics.ofTenant(name) }
}

/** The log of a tenant: each line says whose it is. */
export function logOfTenant(log: Log, name: string | undefined): Log {
  return name === undefined ? log : log.child({ tenant: name })
}

/**
 * What a program serves and shows of the tenants that it has. Each request goes to the tenant whose address it is for;
 * under any other, `/healthz` and `/readyz` tell probes of all without a name, and everything else is refused with 421.
 * RFC 9110 §15.5.20.
 */
export function hostTenants(
  tenants: readonly [TenantApplication, ...TenantApplication[]],
  deps: { readonly metrics: Metrics; readonly log: Log; readonly random: Random },
): { readonly listener: RequestListener; readonly view: OperatorView } {
  const { metrics, log, random } = deps
  const [{ name, ...alone }] = tenants
  if (name === undefined) return { listener: alone.listener, view: { ...alone, metrics } }
  const checkHealth = async (): Promise<void> => {
    for (const tenant of tenants) await tenant.checkHealth()
  }
  const isStarting = (): boolean => tenants.some((tenant) => tenant.isStarting?.() === true)
  const readiness = readinessOfAny(
    new Map(tenants.map((tenant) => [tenant.name ?? '', tenant.readiness])),
  )
  const elsewhere = openApplication({
    ...{ log, random, checkHealth, isStarting },
    origins: [],
    observation: {
      observeRequest: metrics.observeRequest,
      // Who else is served here is nobody's business.
      readiness: async () => ({ ...(await readiness()), checks: {} }),
    },
  })
  refuseUnknownRoutes(elsewhere)
  elsewhere.use(renderErrors('problem'))
  const applications = new Map(
    tenants.map(({ baseUrl, listener }) => [new URL(baseUrl).host, listener]),
  )
  return {
    listener: dispatchByAuthority(applications, elsewhere),
    view: { metrics, checkHealth, isStarting, readiness },
  }
}
