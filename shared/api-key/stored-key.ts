import type { ApiKey, KeyRole, Scope } from './api-key.ts'

/** A key as every store keeps it. */
export interface KeyRow {
  readonly id: string
  readonly name: string
  readonly role: KeyRole
  readonly scopes: string | null
  readonly created_at: number
  readonly expires_at: number | null
  readonly revoked_at: number | null
  readonly last_used_at: number | null
}

/** The key of a row. A scope that this program does not know opens nothing. */
export function keyOf(row: KeyRow): ApiKey {
  const { id, name, role, scopes } = row
  return {
    ...{ id, name, role },
    scopes: scopes === null ? undefined : (scopes.split(' ') as Scope[]),
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  }
}

/** How scopes are stored. */
export function scopesText(scopes: readonly Scope[] | undefined): string | null {
  return scopes === undefined ? null : scopes.join(' ')
}
