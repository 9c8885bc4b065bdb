import type { ApiKey } from '../shared/api-key/api-key.ts'
import type { ApiKeyStore } from '../shared/api-key/store.ts'

/** A platform key that the configuration has: whose it is, and its SHA-256 in hexadecimal. */
export interface ConfiguredKey {
  readonly name: string
  readonly sha256: string
}

/** The keys of a store, and beside them those of the configuration, which may do all that a platform may. */
export function withConfiguredKeys(
  store: Pick<ApiKeyStore, 'key' | 'noteUse'>,
  configured: readonly ConfiguredKey[],
): Pick<ApiKeyStore, 'key' | 'noteUse'> {
  const known = new Map(
    configured.map(({ name, sha256 }): [string, ApiKey] => [
      Buffer.from(sha256, 'hex').toString('base64url'),
      {
        ...{ id: 'configured', name, role: 'platform', scopes: undefined, createdAt: 0 },
        ...{ expiresAt: undefined, revokedAt: undefined, lastUsedAt: Number.MAX_SAFE_INTEGER },
      },
    ]),
  )
  return {
    key: async (sha256, now) => known.get(sha256) ?? (await store.key(sha256, now)),
    noteUse: (id, now) => store.noteUse(id, now),
  }
}
