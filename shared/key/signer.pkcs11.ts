import { sha256 } from '../hash.ts'
import { verifySignature } from '../jose/jws.ts'
import type { EcPublicJwk, Es256Signer } from './signer.ts'

/** A token of a PKCS#11 module and how to log in to it. */
export interface Pkcs11Location {
  /** The shared library of the module, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly modulePath: string
  readonly tokenLabel: string
  readonly pin: string
}

/** An open token. Its keys never leave it. */
export interface Pkcs11Token {
  /** Makes a P-256 key pair on the token: kept there, sensitive, not extractable. @throws Error when the label is taken */
  createKey(label: string): Promise<Es256Signer>
  /** Opens the P-256 key pair of a label and lets it prove itself by one signature. @throws Error when there is none */
  openKey(label: string): Promise<Es256Signer>
  close(): void
}

/**
 * Opens a token by its label and logs in. The native module is an optional dependency and loaded here.
 * PKCS #11 v2.40 §5.
 * @throws Error that says what is missing: the package, the module, the token or the login
 */
export async function openPkcs11Token({
  modulePath,
  tokenLabel,
  pin,
}: Pkcs11Location): Promise<Pkcs11Token> {
  const pkcs11 = await loadModule(modulePath)
  const slot = pkcs11
    .C_GetSlotList(true)
    .find((candidate) => pkcs11.C_GetTokenInfo(candidate).label.trim() === tokenLabel)
  if (!slot) throw new Error('there is no PKCS#11 token with this label')
  const session = pkcs11.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  try {
    pkcs11.C_Login(session, CKU_USER, pin)
  } catch (cause) {
    if (codeOf(cause) !== CKR_USER_ALREADY_LOGGED_IN) {
      pkcs11.C_CloseSession(session)
      throw new Error('the PKCS#11 token refuses the login', { cause })
    }
  }
  return tokenOf(pkcs11, session)
}

function tokenOf(pkcs11: Pkcs11, session: Handle): Pkcs11Token {
  // A session signs one thing at a time: C_SignInit and C_Sign belong together. PKCS #11 §5.11.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const next = last.then(act)
    last = next.catch(() => undefined)
    return next
  }
  const signerOf = async (label: string): Promise<Es256Signer> => {
    const privateKey = findOne(pkcs11, session, { label, class: CKO_PRIVATE_KEY })
    const publicKey = findOne(pkcs11, session, { label, class: CKO_PUBLIC_KEY })
    if (!privateKey || !publicKey) throw new Error('there is no PKCS#11 key pair with this label')
    const publicJwk = readPublicKey(pkcs11, session, publicKey)
    const signer: Es256Signer = {
      alg: 'ES256',
      publicJwk,
      sign: (data) =>
        inTurn(async () => {
          pkcs11.C_SignInit(session, { mechanism: CKM_ECDSA }, privateKey)
          return pkcs11.C_SignAsync(session, sha256(data), Buffer.alloc(64))
        }),
    }
    const proof = Buffer.from('carnet key pair check')
    if (!verifySignature(publicJwk, proof, await signer.sign(proof))) {
      throw new Error('the PKCS#11 private and public key do not belong together')
    }
    return signer
  }
  return {
    async createKey(label) {
      if (findOne(pkcs11, session, { label, class: CKO_PRIVATE_KEY })) {
        throw new Error('a PKCS#11 key with this label exists')
      }
      const own = [
        { type: CKA_TOKEN, value: true },
        { type: CKA_LABEL, value: label },
        { type: CKA_ID, value: sha256(label).subarray(0, 8) },
      ]
      pkcs11.C_GenerateKeyPair(
        session,
        { mechanism: CKM_EC_KEY_PAIR_GEN },
        [...own, { type: CKA_EC_PARAMS, value: P256 }, { type: CKA_VERIFY, value: true }],
        [
          ...own,
          { type: CKA_SIGN, value: true },
          { type: CKA_PRIVATE, value: true },
          { type: CKA_SENSITIVE, value: true },
          { type: CKA_EXTRACTABLE, value: false },
        ],
      )
      return signerOf(label)
    },
    openKey: signerOf,
    close: () => pkcs11.C_CloseSession(session),
  }
}

function findOne(
  pkcs11: Pkcs11,
  session: Handle,
  { label, class: objectClass }: { label: string; class: number },
): Handle | undefined {
  pkcs11.C_FindObjectsInit(session, [
    { type: CKA_CLASS, value: objectClass },
    { type: CKA_KEY_TYPE, value: CKK_EC },
    { type: CKA_LABEL, value: label },
  ])
  try {
    const found = pkcs11.C_FindObjects(session, 2)
    if (found.length > 1) throw new Error('several PKCS#11 keys have this label')
    return found[0]
  } finally {
    pkcs11.C_FindObjectsFinal(session)
  }
}

/** The point as tokens give it: an octet string in DER, or plain. PKCS #11 §2.3.3. */
function readPublicKey(pkcs11: Pkcs11, session: Handle, key: Handle): EcPublicJwk {
  const [parameters, encoded] = pkcs11
    .C_GetAttributeValue(session, key, [{ type: CKA_EC_PARAMS }, { type: CKA_EC_POINT }])
    .map(({ value }) => value)
  if (!parameters?.equals(P256)) throw new Error('the PKCS#11 key is not on P-256')
  const point = encoded?.length === 67 ? encoded.subarray(2) : encoded
  if (point?.length !== 65 || point[0] !== 4)
    throw new Error('the PKCS#11 public key is not a point')
  return {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  }
}

/** A module is initialized once in a process, however many tokens of it are opened. */
const modules = new Map<string, Pkcs11>()

async function loadModule(modulePath: string): Promise<Pkcs11> {
  const known = modules.get(modulePath)
  if (known) return known
  const name: string = 'pkcs11js'
  let package_: { default: { PKCS11: new () => Pkcs11 } }
  try {
    package_ = (await import(name)) as typeof package_
  } catch (cause) {
    throw new Error('the optional package pkcs11js is not installed', { cause })
  }
  const pkcs11 = new package_.default.PKCS11()
  try {
    pkcs11.load(modulePath)
    pkcs11.C_Initialize()
  } catch (cause) {
    throw new Error('the PKCS#11 module cannot be loaded', { cause })
  }
  modules.set(modulePath, pkcs11)
  return pkcs11
}

function codeOf(error: unknown): number | undefined {
  return (error as { code?: number }).code
}

type Handle = Buffer

interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

/** What is used of the native module, so that the types do not need the optional package. */
interface Pkcs11 {
  load(path: string): void
  C_Initialize(): void
  C_GetSlotList(tokenPresent: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): { label: string }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_Login(session: Handle, userType: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, max: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): { value: Buffer }[]
  C_SignInit(session: Handle, mechanism: { mechanism: number }, key: Handle): void
  C_SignAsync(session: Handle, data: Buffer, signature: Buffer): Promise<Buffer>
  C_GenerateKeyPair(
    session: Handle,
    mechanism: { mechanism: number },
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): unknown
}

// PKCS #11 v2.40, current mechanisms and base specification
const CKF_RW_SESSION = 0x2
const CKF_SERIAL_SESSION = 0x4
const CKU_USER = 1
const CKR_USER_ALREADY_LOGGED_IN = 0x100
const CKO_PUBLIC_KEY = 2
const CKO_PRIVATE_KEY = 3
const CKK_EC = 3
const CKA_CLASS = 0x0
const CKA_TOKEN = 0x1
const CKA_PRIVATE = 0x2
const CKA_LABEL = 0x3
const CKA_KEY_TYPE = 0x100
const CKA_ID = 0x102
const CKA_SENSITIVE = 0x103
const CKA_SIGN = 0x108
const CKA_VERIFY = 0x10a
const CKA_EXTRACTABLE = 0x162
const CKA_EC_PARAMS = 0x180
const CKA_EC_POINT = 0x181
const CKM_EC_KEY_PAIR_GEN = 0x1040
const CKM_ECDSA = 0x1041
/** The object identifier of P-256 in DER. RFC 5480 §2.1.1.1. */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')
