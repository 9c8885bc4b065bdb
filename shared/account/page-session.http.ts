import type { Request } from 'express'
import type { Clock } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import { Problem } from '../problem.ts'
import { type PageSession, SESSION_LIMITS, type SessionLimits } from './account.ts'
import type { AccountStore } from './store.ts'
import type { AccountRole } from './view.ts'

/** `__Host-`: a browser takes it over a secure connection alone, for this host alone. RFC 6265bis §4.1.3.2. */
const SESSION_COOKIE = '__Host-carnet-session'
const CEREMONY_COOKIE = '__Host-carnet-ceremony'
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict'
/** Requests that change nothing. RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD'])

/** Whoever is signed in at a page. */
export interface PageSessionDeps {
  readonly accounts: Pick<AccountStore, 'useSession'>
  /** Of the pages; a request that changes something has to come from them. */
  readonly origin: string
  readonly clock: Clock
  readonly limits?: SessionLimits
}

/**
 * The session whose cookie a request carries, if its account has `role`; any role where none is named.
 * @throws Problem `not_authenticated`, `not_permitted`, `origin_refused`
 */
export async function requirePageSession(
  request: Request,
  { accounts, origin, clock, limits = SESSION_LIMITS }: PageSessionDeps,
  role?: AccountRole,
): Promise<PageSession> {
  requireOwnOrigin(request, origin)
  const id = cookie(request, SESSION_COOKIE)
  const session =
    id === undefined
      ? undefined
      : await accounts.useSession(sha256Base64url(id), limits.idleSeconds, clock())
  if (session === undefined) throw new Problem('not_authenticated', 'sign in at the page')
  if (role !== undefined && session.account.role !== role) {
    throw new Problem('not_permitted', `an account with the role ${role} is needed`)
  }
  return session
}

/**
 * Refuses what another site made a browser send. A cookie travels by itself, so a request that changes something has to
 * name this origin; browsers say it truly and pages cannot set it (Fetch, "forbidden request-header").
 * @throws Problem `origin_refused`
 */
export function requireOwnOrigin(request: Request, origin: string): void {
  const site = request.get('Sec-Fetch-Site')
  const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (isForeign || (!SAFE.has(request.method) && request.get('Origin') !== origin)) {
    throw new Problem('origin_refused', 'only the pages of this server may ask')
  }
}

/** The identifier of the ceremony that this browser has begun. */
export function ceremonyOf(request: Request): string | undefined {
  return cookie(request, CEREMONY_COOKIE)
}

/** The digest of the session that this browser has, whether it holds or not. */
export function sessionIdOf(request: Request): string | undefined {
  const id = cookie(request, SESSION_COOKIE)
  return id === undefined ? undefined : sha256Base64url(id)
}

export function setCeremony(id: string, seconds: number): string {
  return `${CEREMONY_COOKIE}=${id}; ${ATTRIBUTES}; Max-Age=${seconds}`
}

/** It lasts as long as the browser is open; when the session ends is the server's to say. */
export function setSession(id: string): string {
  return `${SESSION_COOKIE}=${id}; ${ATTRIBUTES}`
}

export function clearSession(): string {
  return `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`
}

/** A cookie of ours: one with this name, of the form that we give. RFC 6265 §5.4. */
function cookie(request: Request, name: string): string | undefined {
  const values = (request.get('Cookie') ?? '')
    .split('; ')
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const [value] = values
  return values.length === 1 && value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
}
