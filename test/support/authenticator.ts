import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { encode } from 'cborg'
import type { RegistrationResponse, SignInResponse } from '../../shared/account/passkeys.ts'

/** What an authenticator says of itself in one response, where a test wants something else than the truth. */
export interface Claims {
  readonly origin?: string
  readonly rpId?: string
  readonly userVerified?: boolean
  readonly backupEligible?: boolean
  readonly backedUp?: boolean
  readonly counter?: number
  readonly challenge?: string
  readonly type?: string
  readonly userHandle?: string
  /** Another key than the passkey's own. */
  readonly signWith?: KeyObject
}

interface Options {
  readonly challenge: string
}

/** Flags of authenticator data. WebAuthn Level 3 §6.1. */
const [UP, UV, BE, BS, AT] = [0x01, 0x04, 0x08, 0x10, 0x40]

/** An authenticator in software with one passkey, for what no browser would let a test do. WebAuthn Level 3 §6. */
export function softwareAuthenticator(origin: string): {
  make(options: Options, claims?: Claims): RegistrationResponse
  use(options: Options, claims?: Claims): SignInResponse
} {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const id = randomBytes(16)
  let counter = 0

  const clientData = (type: string, { challenge }: Options, claims: Claims): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: claims.type ?? type,
        challenge: claims.challenge ?? challenge,
        origin: claims.origin ?? origin,
        crossOrigin: false,
      }),
    )

  const authenticatorData = (claims: Claims, attested = Buffer.alloc(0)): Buffer => {
    counter = claims.counter ?? counter + 1
    const flags =
      UP |
      (claims.userVerified === false ? 0 : UV) |
      (claims.backupEligible ? BE : 0) |
      (claims.backedUp ? BS : 0) |
      (attested.length > 0 ? AT : 0)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const rpIdHash = sha256(claims.rpId ?? new URL(origin).hostname)
    return Buffer.concat([rpIdHash, Buffer.of(flags), count, attested])
  }

  return {
    make: (options, claims = {}) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(id.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, id, coseKey(publicKey)])
      const attestationObject = encode({
        fmt: 'none',
        attStmt: {},
        authData: Uint8Array.from(authenticatorData(claims, attested)),
      })
      return {
        id: id.toString('base64url'),
        rawId: id.toString('base64url'),
        type: 'public-key',
        response: {
          clientDataJSON: clientData('webauthn.create', options, claims).toString('base64url'),
          attestationObject: Buffer.from(attestationObject).toString('base64url'),
          transports: ['internal'],
        },
      }
    },
    use: (options, claims = {}) => {
      const client = clientData('webauthn.get', options, claims)
      const data = authenticatorData(claims)
      const signed = Buffer.concat([data, sha256(client)])
      const { userHandle } = claims
      return {
        id: id.toString('base64url'),
        rawId: id.toString('base64url'),
        type: 'public-key',
        response: {
          clientDataJSON: client.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: sign('sha256', signed, claims.signWith ?? privateKey).toString('base64url'),
          ...(userHandle === undefined ? {} : { userHandle }),
        },
      }
    },
  }
}

/** An EC2 key for ES256. RFC 9053 §7.1.1. */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64url'))
  return Buffer.from(
    encode(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, bytes(x)],
        [-3, bytes(y)],
      ]),
    ),
  )
}

function sha256(data: Buffer | string): Buffer {
  return createHash('sha256').update(data).digest()
}
