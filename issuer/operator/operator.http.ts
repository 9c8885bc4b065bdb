import type { Express, Request } from 'express'
import { z } from 'zod'
import { requirePageSession } from '../../shared/account/page-session.http.ts'
import { type SignInDeps, signInEndpoints } from '../../shared/account/sign-in.http.ts'
import type { Scope } from '../../shared/api-key/api-key.ts'
import { keySecurity } from '../../shared/api-key/security.http.ts'
import { type Endpoint, endpoint, wholeNumber } from '../../shared/http/endpoint.http.ts'
import { renderErrors } from '../../shared/http/errors.http.ts'
import { serveEndpoints } from '../../shared/http/openapi.http.ts'
import { nextPage, pageOf, pageParameters } from '../../shared/http/page.http.ts'
import { pageFiles } from '../../shared/http/pages.http.ts'
import { openApplication, refuseUnknownRoutes } from '../../shared/http/server.http.ts'
import type { Health } from '../../shared/observe/operator.http.ts'
import type { Readiness } from '../../shared/observe/readiness.ts'
import { Problem } from '../../shared/problem.ts'
import type { DeliveryPage, DeliveryView, KeyPage, OverviewView, TenantView } from './view.ts'
import { deliveriesOf, keysOf, type WatchedTenant, watchTenant } from './watch.ts'

/** What the operator's page and its endpoints work with. */
export interface OperatorPageDeps extends Omit<SignInDeps, 'base'>, Health {
  readonly tenants: readonly WatchedTenant[]
  readonly readiness: () => Promise<Readiness>
  /** Where the build wrote the page. */
  readonly folder: string
}

/** Whoever looks: somebody at the page, who sees every tenant, or a program with a key of one tenant, which sees that. */
interface Operator {
  readonly who: { readonly account: string } | { readonly key: string }
  readonly sees: readonly WatchedTenant[]
}

const BASE = '/operator'

const INFO = {
  title: 'Carnet issuer, for its operator',
  version: '0.1.0',
  description:
    'What the operator’s page shows, on the listener that the operator’s machines reach.',
  tags: {
    'sign-in': 'Accounts sign in with passkeys.',
    operator: 'How the issuers of this server are.',
    server: 'About the server itself.',
  },
}

const time = z.int()
const health = z.enum(['ok', 'failing'])
const tenantView: z.ZodType<TenantView> = z
  .strictObject({
    name: z.string(),
    address: z.string(),
    issuer: z.string(),
    country: z.string(),
    lists: z.array(z.strictObject({ pool: z.string(), publishedAt: time, expiresAt: time })),
    log: z.strictObject({ vkey: z.string(), entries: z.int(), lag: z.int() }),
    deliveries: z.strictObject({
      pending: z.int(),
      dead: z.int(),
      oldestDueAt: time.optional(),
    }),
    notices: z.strictObject({ open: z.int(), overdue: z.int() }),
  })
  .meta({ id: 'WatchedTenant' })
const overviewView: z.ZodType<OverviewView> = z
  .strictObject({
    asOf: time,
    health: z.enum(['ok', 'starting', 'failing']),
    checks: z.record(z.string(), health),
    tenants: z.array(tenantView),
  })
  .meta({ id: 'Overview' })
const keyPage: z.ZodType<KeyPage> = z
  .strictObject({
    asOf: time,
    keys: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        role: z.string(),
        createdAt: time,
        lastUsedAt: time.optional(),
        expiresAt: time.optional(),
        revokedAt: time.optional(),
      }),
    ),
  })
  .meta({ id: 'KeyPage' })
const state = z.enum(['pending', 'delivered', 'dead'])
const deliveryView: z.ZodType<DeliveryView> = z
  .strictObject({
    id: z.int(),
    state,
    type: z.string(),
    subject: z.string(),
    receiver: z.string(),
    attempts: z.int(),
    lastOutcome: z.string().optional(),
    dueAt: time,
    settledAt: time.optional(),
  })
  .meta({ id: 'WatchedDelivery' })
const deliveryPage: z.ZodType<DeliveryPage> = z
  .strictObject({ deliveries: z.array(deliveryView), next: nextPage })
  .meta({ id: 'DeliveryPage' })
const ofTenant = z.object({ tenant: z.string().max(64) })

/** The operator's page and what it asks for, for the listener that only the operator's machines reach. */
export function operatorPages(deps: OperatorPageDeps): Express {
  const app = openApplication({
    log: deps.log,
    random: deps.random,
    origins: [deps.origin],
    checkHealth: deps.checkHealth,
    ...(deps.isStarting === undefined ? {} : { isStarting: deps.isStarting }),
  })
  const files = pageFiles(deps.folder)
  app.use((request, response, next) => {
    // What the public listener tells anybody may be shown anywhere; what is told here, here alone.
    response.set('Cross-Origin-Resource-Policy', 'same-origin')
    // Its scripts and calls are named from the folder, so that the page is where the folder is.
    if (request.path === '/' || request.path === BASE) {
      if (request.originalUrl.split('?')[0] !== `${BASE}/`) {
        response.redirect(308, `${BASE}/`)
        return
      }
    }
    next()
  })
  app.use(BASE, files)
  serveEndpoints(app, INFO, [...signInEndpoints({ ...deps, base: BASE }), ...endpoints(deps)])
  refuseUnknownRoutes(app)
  app.use(renderErrors('problem'))
  return app
}

function endpoints(deps: OperatorPageDeps): Endpoint[] {
  const { clock, log } = deps
  const operatorWith = (scope: Scope) => ({
    scheme: 'pageSession' as const,
    or: 'operatorKey' as const,
    scope,
    authenticate: (request: Request) => requireOperator(request, scope, deps),
  })
  const security = operatorWith('server:read')
  const tenantOf = ({ sees }: Operator, name: string): WatchedTenant => {
    const tenant = sees.find((each) => each.name === name)
    if (tenant === undefined) throw new Problem('not_found', 'no tenant has this name')
    return tenant
  }
  return [
    endpoint({
      method: 'get',
      path: `${BASE}/overview`,
      operationId: 'getOverview',
      tag: 'operator',
      summary: 'Whether the server does its work, and how its tenants are',
      security,
      responses: { 200: { description: 'As of now', schema: overviewView } },
      problems: ['origin_refused'],
      handle: async ({ caller }) => {
        const now = clock()
        return {
          status: 200,
          body: {
            asOf: now,
            health: await healthOf(deps),
            checks: checksOf((await deps.readiness()).checks, caller.sees),
            tenants: await Promise.all(caller.sees.map((tenant) => watchTenant(tenant, now))),
          },
        }
      },
    }),
    endpoint({
      method: 'get',
      path: `${BASE}/tenants/{tenant}/keys`,
      operationId: 'listTenantKeys',
      tag: 'operator',
      summary: 'What is known of the API keys of a tenant; never a key',
      security,
      params: ofTenant,
      responses: {
        200: {
          description: 'Every key that there was',
          schema: keyPage,
        },
      },
      problems: ['not_found', 'origin_refused'],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: { asOf: clock(), keys: await keysOf(tenantOf(caller, params.tenant)) },
      }),
    }),
    endpoint({
      method: 'get',
      path: `${BASE}/tenants/{tenant}/deliveries`,
      operationId: 'listTenantDeliveries',
      tag: 'operator',
      summary: 'Deliveries of webhooks, the newest first',
      security: operatorWith('webhooks:read'),
      params: ofTenant,
      query: z.strictObject({ state: state.optional(), ...pageParameters }),
      responses: { 200: { description: 'Deliveries', schema: deliveryPage } },
      problems: ['not_found', 'cursor_invalid', 'origin_refused'],
      handle: async ({ params, query: { state: only, ...page }, caller }) => {
        const tenant = tenantOf(caller, params.tenant)
        const place = {
          list: 'operator-deliveries',
          filter: { tenant: tenant.name, ...(only === undefined ? {} : { state: only }) },
          position: z.int(),
        }
        const { rows, next } = await pageOf(page, place, {
          read: ({ limit, after }) =>
            tenant.webhooks.deliveries({ state: only, before: after, limit }),
          positionOf: ({ id }) => id,
        })
        return {
          status: 200,
          body: { deliveries: await deliveriesOf(tenant, rows), ...next },
        }
      },
    }),
    endpoint({
      method: 'post',
      path: `${BASE}/tenants/{tenant}/deliveries/{delivery}/resend`,
      operationId: 'resendTenantDelivery',
      tag: 'operator',
      summary: 'Send a delivery again that has ended',
      security: operatorWith('webhooks:write'),
      params: ofTenant.extend({ delivery: wholeNumber }),
      responses: { 204: { description: 'It is due' } },
      problems: ['not_found', 'delivery_not_found', 'delivery_pending', 'origin_refused'],
      handle: async ({ params, caller }) => {
        const { webhooks } = tenantOf(caller, params.tenant)
        if ((await webhooks.delivery(params.delivery)) === undefined) {
          throw new Problem('delivery_not_found', 'no delivery has this number')
        }
        if (!(await webhooks.resend(params.delivery, clock()))) {
          throw new Problem('delivery_pending', 'it is sent by itself')
        }
        log.info({ ...caller.who, delivery: params.delivery }, 'a delivery is sent again')
        return { status: 204 }
      },
    }),
  ]
}

/** The checks of a server with one tenant, and of one with several those of the tenants that are seen: `TENANT/CHECK`. */
function checksOf(checks: Readiness['checks'], sees: Operator['sees']): Readiness['checks'] {
  const isSeen = ([check]: readonly [string, unknown]): boolean =>
    !check.includes('/') || sees.some(({ name }) => check.startsWith(`${name}/`))
  return Object.fromEntries(Object.entries(checks).filter(isSeen))
}

/** @throws Problem `not_authenticated`, `not_permitted`, `origin_refused` */
async function requireOperator(
  request: Request,
  scope: Scope,
  deps: OperatorPageDeps,
): Promise<Operator> {
  const { tenants, clock } = deps
  if (request.headers.authorization === undefined) {
    const { account } = await requirePageSession(request, deps, 'operator')
    return { who: { account: account.id }, sees: tenants }
  }
  for (const tenant of tenants) {
    const { authenticate } = keySecurity(scope, { store: tenant.keys, clock })
    const key = await authenticate(request).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'not_authenticated') return undefined
      throw error
    })
    if (key !== undefined) return { who: { key: key.id }, sees: [tenant] }
  }
  throw new Problem('not_authenticated', 'a key of an operator is needed')
}

async function healthOf({ checkHealth, isStarting }: Health): Promise<OverviewView['health']> {
  try {
    await checkHealth()
  } catch {
    return 'failing'
  }
  return isStarting?.() ? 'starting' : 'ok'
}
