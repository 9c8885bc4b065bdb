import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { isJsonObject, JsonError, type JsonObject, parseJsonBytes } from '../json.ts'
import type { EcPublicJwk } from '../key/signer.ts'
import type { Random } from '../random.ts'
import { JoseError } from './error.ts'
import { parsePublicJwk, publicKeyObject } from './jwk.ts'
import { jwkThumbprint } from './thumbprint.ts'

/** The content encryption algorithms that HAIP 1.0 §5 names. */
export type ContentEncryption = 'A128GCM' | 'A256GCM'

/** A public key to encrypt to, as it stands in a JWK set. OpenID4VP 1.0 §8.3. */
export interface EncryptionJwk extends EcPublicJwk {
  readonly kid: string
  readonly alg: 'ECDH-ES'
  readonly use: 'enc'
}

const KEY_BITS: Readonly<Record<ContentEncryption, 128 | 256>> = { A128GCM: 128, A256GCM: 256 }

const MAX_JWE_LENGTH = 8 << 20

/** Makes a fresh P-256 key pair to be encrypted to; `kid` is the thumbprint. RFC 7518 §4.6. */
export function generateEncryptionKey(): { publicJwk: EncryptionJwk; pkcs8: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = exportedJwk(publicKey)
  return {
    publicJwk: { ...jwk, kid: jwkThumbprint(jwk), alg: 'ECDH-ES', use: 'enc' },
    pkcs8: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}

/**
 * Encrypts to one recipient with ECDH-ES in direct key agreement and AES-GCM, compact serialization, echoing the
 * recipient's `kid` (OpenID4VP 1.0 §8.3). The ephemeral key is the system's own. RFC 7516 §5.1, RFC 7518 §4.6.
 */
export async function encryptJwe(
  plaintext: Uint8Array,
  {
    recipient,
    enc,
    apu,
    apv,
    random,
  }: {
    recipient: EcPublicJwk & { readonly kid?: string }
    enc: ContentEncryption
    apu?: Uint8Array
    apv?: Uint8Array
    random: Random
  },
): Promise<string> {
  const ephemeral = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const header: Record<string, JsonObject | string> = {
    alg: 'ECDH-ES',
    enc,
    ...(recipient.kid === undefined ? {} : { kid: recipient.kid }),
    epk: { ...exportedJwk(ephemeral.publicKey) },
  }
  if (apu) header.apu = encodeBase64url(apu)
  if (apv) header.apv = encodeBase64url(apv)
  const { kty, crv, x, y } = recipient
  const key = deriveKey({
    privateKey: ephemeral.privateKey,
    publicKey: publicKeyObject({ kty, crv, x, y }),
    enc,
    apu,
    apv,
  })
  const encodedHeader = encodeBase64url(JSON.stringify(header))
  const iv = random(12)
  const cipher = createCipheriv(cipherName(enc), key, iv)
  cipher.setAAD(Buffer.from(encodedHeader, 'latin1'))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const tag = encodeBase64url(cipher.getAuthTag())
  return `${encodedHeader}..${encodeBase64url(iv)}.${encodeBase64url(ciphertext)}.${tag}`
}

/**
 * Decrypts a compact JWE that was made for one key: `alg` ECDH-ES, `enc` in the allow-list, the expected `kid`, a full
 * 96-bit IV and 128-bit tag, no compression and no `crit`. RFC 7516 §5.2, RFC 7518 §4.6, §5.3.
 * @throws JoseError
 */
export async function decryptJwe(
  jwe: string,
  {
    pkcs8,
    expectedKid,
    allowedEnc,
  }: { pkcs8: string; expectedKid: string; allowedEnc: readonly ContentEncryption[] },
): Promise<{ plaintext: Buffer; header: JsonObject }> {
  const { encodedHeader, header, iv, ciphertext, tag } = parseJwe(jwe)
  // RFC 7516 §4.1.3: a "zip" that is not understood must not be ignored; RFC 8725 §3.6 advises against compression.
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'zip')) {
    throw new JoseError('critical_header', 'crit or zip is not understood')
  }
  if (header.alg !== 'ECDH-ES') throw new JoseError('algorithm_not_allowed', 'alg is not ECDH-ES')
  const enc = allowedEnc.find((allowed) => allowed === header.enc)
  if (!enc) throw new JoseError('algorithm_not_allowed', 'enc is not allowed')
  if (header.kid !== expectedKid) throw new JoseError('key_invalid', 'kid is not the expected one')
  const key = deriveKey({
    privateKey: createPrivateKey(pkcs8),
    publicKey: publicKeyObject(parsePublicJwk(header.epk)),
    enc,
    apu: partyInfo(header, 'apu'),
    apv: partyInfo(header, 'apv'),
  })
  const decipher = createDecipheriv(cipherName(enc), key, iv, { authTagLength: 16 })
  decipher.setAAD(Buffer.from(encodedHeader, 'latin1'))
  decipher.setAuthTag(tag)
  try {
    return { plaintext: Buffer.concat([decipher.update(ciphertext), decipher.final()]), header }
  } catch (cause) {
    throw new JoseError('decryption_failed', 'ciphertext does not authenticate', { cause })
  }
}

function parseJwe(jwe: string): {
  encodedHeader: string
  header: JsonObject
  iv: Buffer
  ciphertext: Buffer
  tag: Buffer
} {
  if (jwe.length > MAX_JWE_LENGTH) throw new JoseError('too_large', 'jwe is too long')
  const [encodedHeader = '', encryptedKey, iv, ciphertext, tag, ...rest] = jwe.split('.', 6)
  const headerBytes = decodeBase64url(encodedHeader)
  const decoded = [iv, ciphertext, tag].map((part) => decodeBase64url(part ?? ' '))
  const [ivBytes, ciphertextBytes, tagBytes] = decoded
  // RFC 7516 §5.2 step 10: with direct key agreement the encrypted key is an empty octet sequence.
  if (rest.length > 0 || encryptedKey !== '' || !headerBytes || !ciphertextBytes) {
    throw new JoseError('malformed', 'jwe does not have five base64url parts with an empty key')
  }
  if (ivBytes?.length !== 12 || tagBytes?.length !== 16) {
    throw new JoseError('malformed', 'iv or tag does not have its full length')
  }
  return {
    encodedHeader,
    header: parseHeader(headerBytes),
    iv: ivBytes,
    ciphertext: ciphertextBytes,
    tag: tagBytes,
  }
}

function parseHeader(bytes: Uint8Array): JsonObject {
  try {
    const header = parseJsonBytes(bytes, { maxLength: 16_384, maxDepth: 8 })
    if (isJsonObject(header)) return header
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause
    throw new JoseError('malformed', `header: ${cause.message}`, { cause })
  }
  throw new JoseError('malformed', 'header is not an object')
}

/** The Concat KDF of NIST SP 800-56A with one round of SHA-256, which both key sizes fit in. RFC 7518 §4.6.2. */
function deriveKey({
  privateKey,
  publicKey,
  enc,
  apu,
  apv,
}: {
  privateKey: KeyObject
  publicKey: KeyObject
  enc: ContentEncryption
  apu: Uint8Array | undefined
  apv: Uint8Array | undefined
}): Buffer {
  const bits = KEY_BITS[enc]
  const keyDataLength = Buffer.alloc(4)
  keyDataLength.writeUInt32BE(bits)
  return createHash('sha256')
    .update(Buffer.from([0, 0, 0, 1]))
    .update(diffieHellman({ privateKey, publicKey }))
    .update(lengthPrefixed(Buffer.from(enc, 'latin1')))
    .update(lengthPrefixed(apu ?? Buffer.alloc(0)))
    .update(lengthPrefixed(apv ?? Buffer.alloc(0)))
    .update(keyDataLength)
    .digest()
    .subarray(0, bits / 8)
}

function lengthPrefixed(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function partyInfo(header: JsonObject, name: 'apu' | 'apv'): Buffer | undefined {
  if (!Object.hasOwn(header, name)) return undefined
  const value = header[name]
  const bytes = typeof value === 'string' ? decodeBase64url(value) : undefined
  if (!bytes) throw new JoseError('malformed', `${name} is not base64url`)
  return bytes
}

function cipherName(enc: ContentEncryption): 'aes-128-gcm' | 'aes-256-gcm' {
  return enc === 'A128GCM' ? 'aes-128-gcm' : 'aes-256-gcm'
}

function exportedJwk(key: KeyObject): EcPublicJwk {
  const { x, y } = key.export({ format: 'jwk' }) as { x: string; y: string }
  return { kty: 'EC', crv: 'P-256', x, y }
}
