import { join } from 'node:path'
import { type OperatorPageDeps, operatorPages } from '../../issuer/operator/operator.http.ts'
import type { SessionLimits } from '../../shared/account/account.ts'
import { openPasskeys } from '../../shared/account/passkeys.webauthn.ts'
import type { AccountStore } from '../../shared/account/store.ts'
import type { AccountRole } from '../../shared/account/view.ts'
import { encodeBase64url } from '../../shared/base64url.ts'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { type HttpServer, listen } from '../../shared/http/server.http.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import type { Log } from '../../shared/log.ts'
import { openMetrics } from '../../shared/observe/metrics.ts'
import { operatorApplication } from '../../shared/observe/operator.http.ts'
import type { Readiness } from '../../shared/observe/readiness.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { contractChecked } from './contract.ts'
import type { TestIssuer } from './issuer.ts'
import { silentLog } from './log.ts'

/** The operator's listener of a test issuer, with its page. */
export interface TestOperatorPage {
  /** Where a browser reaches it. */
  readonly origin: string
  /** Where this process reaches it, under whatever name. */
  readonly address: string
  readonly app: ReturnType<typeof operatorPages>
  readonly accounts: AccountStore
  /** Invites somebody and answers the code. */
  invite(name: string, role?: AccountRole, seconds?: number): Promise<string>
  close(): Promise<void>
}

export async function openOperatorPage(
  issuer: TestIssuer,
  options: {
    readonly clock?: Clock
    readonly log?: Log
    readonly limits?: SessionLimits
    readonly perMinute?: number
    /** A folder with an `index.html`, where the page that the build wrote is not wanted. */
    readonly folder?: string
    readonly readiness?: () => Promise<Readiness>
    readonly checkHealth?: () => void
    readonly changeDeps?: (deps: OperatorPageDeps) => OperatorPageDeps
  } = {},
): Promise<TestOperatorPage> {
  const { clock = systemClock, log = silentLog } = options
  const server: HttpServer = await listen({ host: '127.0.0.1', port: 0 })
  const origin = `http://localhost:${new URL(server.url).port}`
  const { accounts } = issuer.storage
  const deps: OperatorPageDeps = {
    tenants: [
      {
        name: 'issuer',
        address: issuer.url,
        issuer: 'Test issuer',
        country: 'UT',
        keys: issuer.keys,
        webhooks: issuer.webhooks,
        servedPools: issuer.storage.servedPools,
        auditLog: issuer.auditLog,
        operations: issuer.storage.operations,
      },
    ],
    accounts,
    passkeys: openPasskeys({ origin, name: 'Carnet' }),
    origin,
    folder: options.folder ?? join(packageRoot, 'dist/browser/operator'),
    readiness:
      options.readiness ??
      (async () => ({
        status: 'ready',
        checks: { store: 'ok', status_lists: 'ok', models: 'ok' },
      })),
    checkHealth: options.checkHealth ?? (() => undefined),
    isStarting: () => false,
    clock,
    random: systemRandom,
    log,
    perMinute: options.perMinute ?? 1000,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  }
  const app = operatorPages(options.changeDeps?.(deps) ?? deps)
  const { checkHealth, readiness } = deps
  server.serve(
    contractChecked(
      'issuer-operator',
      operatorApplication({ metrics: openMetrics(), checkHealth, readiness, pages: app }),
    ),
  )
  return {
    origin,
    address: server.url,
    app,
    accounts,
    invite: async (name, role = 'operator', seconds = 3600) => {
      const code = encodeBase64url(systemRandom(32))
      await accounts.invite(
        {
          account: { id: newIdentifier(systemRandom, 16), name, role },
          codeSha256: sha256Base64url(code),
          expiresAt: clock() + seconds,
          recovery: false,
        },
        clock(),
      )
      return code
    },
    close: () => server.close(),
  }
}
