import { encodeBase64url } from '../../shared/base64url.ts'
import { sha256Hex } from '../../shared/hash.ts'
import type { World } from '../world.ts'

/** Prints a fresh platform key of 256 bits once, and the digest under which the configuration knows it. */
export function makeApiKey({ print, note, random }: World): void {
  const key = encodeBase64url(random(32))
  print(`key     ${key}`)
  print(`sha256  ${sha256Hex(key)}`)
  note('carnet-verifier: the key is shown once; put the digest into apiKeys of the configuration')
}

/** Makes the audit log's signing key in a new file. */
export function makeLogKey(
  { print, writeNewFile, generateLogKey }: World,
  { out }: { readonly out: string },
): void {
  writeNewFile(out, generateLogKey())
  print(out)
}
