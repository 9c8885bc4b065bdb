import { hash, hkdfSync } from 'node:crypto'
import { canonicalJson, type JsonObject } from '../json.ts'

const SALT_LENGTH = 32
const DOMAIN = 'carnet/commitment/v1\0'

/**
 * What a public leaf says of a person: a digest that hides `details` from whoever lacks the salt and binds whoever
 * published it. The salt has 32 unpredictable bytes and serves one commitment.
 */
export function commit(details: JsonObject, salt: Uint8Array): string {
  if (salt.length !== SALT_LENGTH) throw new RangeError('a commitment takes a salt of 32 bytes')
  const message = Buffer.concat([Buffer.from(DOMAIN), salt, Buffer.from(canonicalJson(details))])
  return hash('sha256', message, 'base64url')
}

/**
 * The salt of one commitment about a person, from that person's own key: erasing the key makes the leaf meaningless
 * and leaves the tree as it is. `purpose` is different for every commitment, such as `status.changed/<event>`. RFC 5869.
 */
export function commitmentSalt(subjectKey: Uint8Array, purpose: string): Buffer {
  if (subjectKey.length < SALT_LENGTH) throw new RangeError('a subject key has at least 32 bytes')
  return Buffer.from(
    hkdfSync('sha256', subjectKey, '', `carnet/commitment-salt/v1\0${purpose}`, SALT_LENGTH),
  )
}
