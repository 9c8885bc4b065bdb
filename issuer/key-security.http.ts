import type { Request } from 'express'
import { bearerToken } from '../shared/http/body.http.ts'
import { requireKey } from './api-key.ts'
import type { ApiKey, IssuerStore, KeyRole } from './store.ts'

/** Calls with a key of one role; the caller is that key. */
export interface KeySecurity {
  readonly scheme: `${KeyRole}Key`
  authenticate(request: Request): Promise<ApiKey>
}

/** @throws Problem `not_authenticated`, `not_permitted` */
export function keySecurity(role: KeyRole, store: Pick<IssuerStore, 'key'>): KeySecurity {
  return {
    scheme: `${role}Key`,
    authenticate: ({ headers }) => requireKey(bearerToken(headers.authorization), role, store),
  }
}

/** Whose `Idempotency-Key` it is where callers have keys. */
export function idempotentForKey({ name }: Pick<ApiKey, 'name'>): string {
  return `key ${name}`
}
