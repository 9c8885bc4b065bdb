import type { Request } from 'express'
import type { Clock, NumericDate } from '../clock.ts'
import { bearerToken } from '../http/body.http.ts'
import { Problem } from '../problem.ts'
import {
  type ApiKey,
  type KeyRole,
  keyDigest,
  LAST_USE_SECONDS,
  mayUse,
  SCOPES,
  type Scope,
} from './api-key.ts'
import type { ApiKeyStore } from './store.ts'

/** What tells who holds a key. */
export interface KeyRing {
  readonly store: Pick<ApiKeyStore, 'key' | 'noteUse'>
  readonly clock: Clock
}

/** Calls with a key that has one scope; the caller is that key. */
export interface KeySecurity {
  readonly scheme: `${KeyRole}Key`
  readonly scope: Scope
  /** @throws Problem `not_authenticated`, `not_permitted` */
  authenticate(request: Request): Promise<ApiKey>
}

/** What an endpoint asks of its caller: a key that has `scope`. */
export function keySecurity(scope: Scope, ring: KeyRing): KeySecurity {
  return {
    scheme: `${SCOPES[scope].role}Key`,
    scope,
    authenticate: ({ headers }) => requireKey(bearerToken(headers.authorization), scope, ring),
  }
}

async function requireKey(
  text: string | undefined,
  scope: Scope,
  { store, clock }: KeyRing,
): Promise<ApiKey> {
  const { role } = SCOPES[scope]
  const now = clock()
  const key = text === undefined ? undefined : await store.key(keyDigest(text), now)
  if (key === undefined) throw new Problem('not_authenticated', `a ${role} key is needed`)
  if (!mayUse(key, scope)) {
    throw new Problem('not_permitted', `a ${role} key with the scope ${scope} is needed`)
  }
  if (isStale(key, now)) await noteUse(store, key.id, now)
  return key
}

function isStale({ lastUsedAt }: ApiKey, now: NumericDate): boolean {
  return lastUsedAt === undefined || now - lastUsedAt >= LAST_USE_SECONDS
}

/** A key opens what it opens also while nothing can be written, on a full disk for one. */
async function noteUse(store: KeyRing['store'], id: string, now: NumericDate): Promise<void> {
  await store.noteUse(id, now).catch(() => undefined)
}

/** Whose `Idempotency-Key` it is where callers have keys: all keys of one owner are one caller. */
export function idempotentForKey({ name }: Pick<ApiKey, 'name'>): string {
  return `key ${name}`
}
