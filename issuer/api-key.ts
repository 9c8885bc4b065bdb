import { encodeBase64url } from '../shared/base64url.ts'
import { sha256Base64url } from '../shared/hash.ts'
import { Problem } from '../shared/problem.ts'
import type { Random } from '../shared/random.ts'
import type { ApiKey, IssuerStore, KeyRole } from './store.ts'

/** Makes the text of a key, which is shown once; whoever finds one in a file can tell what it is. */
export function makeKey(role: KeyRole, random: Random): string {
  return `carnet_${role}_${encodeBase64url(random(32))}`
}

/** What is stored of a key. It has 256 unpredictable bits, so a plain digest hides it. */
export function keyDigest(key: string): string {
  return sha256Base64url(key)
}

/**
 * The key that a request carries, if it may act in `role`.
 * @throws Problem `not_authenticated`, `not_permitted`
 */
export async function requireKey(
  key: string | undefined,
  role: KeyRole,
  store: Pick<IssuerStore, 'key'>,
): Promise<ApiKey> {
  const known = key === undefined ? undefined : await store.key(keyDigest(key))
  if (known === undefined) throw new Problem('not_authenticated', `a ${role} key is needed`)
  if (known.role !== role) throw new Problem('not_permitted', `a ${role} key is needed`)
  return known
}
