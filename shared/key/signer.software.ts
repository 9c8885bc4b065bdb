import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { EcPublicJwk, Ed25519Signer, Es256Signer, OkpPublicJwk } from './signer.ts'

/** A software key: what signs with it, and its PKCS#8 PEM text for whoever must keep it sealed at rest. */
export interface SoftwareKey<S> {
  readonly signer: S
  readonly pkcs8: string
}

/** Makes a fresh P-256 key pair from the system's own randomness. FIPS 186-5 §6.2. */
export function generateEs256Key(): SoftwareKey<Es256Signer> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { signer: es256Signer(privateKey), pkcs8: pkcs8Of(privateKey) }
}

/** Makes a fresh Ed25519 key pair from the system's own randomness. RFC 8032 §5.1.5. */
export function generateEd25519Key(): SoftwareKey<Ed25519Signer> {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { signer: ed25519Signer(privateKey), pkcs8: pkcs8Of(privateKey) }
}

/** Opens a P-256 private key from PKCS#8 PEM. @throws Error when the text is not a P-256 private key */
export function openEs256Key(pkcs8: string): Es256Signer {
  const key = createPrivateKey(pkcs8)
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error('not a P-256 private key')
  return es256Signer(key)
}

/** Opens an Ed25519 private key from PKCS#8 PEM. @throws Error when the text is not an Ed25519 private key */
export function openEd25519Key(pkcs8: string): Ed25519Signer {
  const key = createPrivateKey(pkcs8)
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 private key')
  return ed25519Signer(key)
}

function pkcs8Of(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }) as string
}

function es256Signer(key: KeyObject): Es256Signer {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' }) as { x: string; y: string }
  const publicJwk: EcPublicJwk = { kty: 'EC', crv: 'P-256', x, y }
  return {
    alg: 'ES256',
    publicJwk,
    sign: async (data) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  }
}

function ed25519Signer(key: KeyObject): Ed25519Signer {
  const { x } = createPublicKey(key).export({ format: 'jwk' }) as { x: string }
  const publicJwk: OkpPublicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  return { alg: 'Ed25519', publicJwk, sign: async (data) => sign(null, data, key) }
}
