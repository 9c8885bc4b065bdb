import { decode, encode, Tagged } from 'cborg'
import type { NumericDate } from '../clock.ts'
import { sha256Hex } from '../hash.ts'
import { CLOCK_TOLERANCE, verifySignature } from '../jose/jws.ts'
import type { PublicJwk, Signer } from '../key/signer.ts'
import { TrustError } from '../trust/error.ts'
import type { AnchorsAt } from '../trust/role.ts'
import { type VerifiedChain, verifyX5c } from '../trust/x5c.ts'
import type { StatusBits } from './bits.ts'
import { deflateStatusList } from './compress.ts'
import { StatusListError } from './error.ts'
import { readStatusListMembers, type StatusList } from './token.ts'

/** The content type of a Status List Token in CWT form. Token Status List §5.2. */
export const STATUS_LIST_CWT_TYPE = 'application/statuslist+cwt'

/** COSE_Sign1 (RFC 9052 §4.2), which Token Status List §5.2 asks to be tagged. */
const COSE_SIGN1 = 18
/** Header parameters: `alg`, `x5chain` (RFC 9360 §2), `typ` (RFC 9596). */
const HEADER = { alg: 1, crit: 2, x5chain: 33, typ: 16 } as const
/** Claims: RFC 8392 §3.1 and Token Status List §5.2. */
const CLAIM = { sub: 2, exp: 4, iat: 6, ttl: 65_534, statusList: 65_533 } as const
const ES256 = -7

const MAX_TOKEN_BYTES = 8 << 20

/** Signs a Status List Token in CWT form, with the chain in the protected header. Token Status List §5.2. */
export async function signStatusListCwt({
  uri,
  bits,
  list,
  iat,
  exp,
  ttl,
  signer,
  x5c,
}: {
  uri: string
  bits: StatusBits
  list: Uint8Array
  iat: NumericDate
  exp: NumericDate
  ttl: number
  signer: Signer
  /** Certificates in base64, leaf first, as in a JWT. */
  x5c: readonly string[]
}): Promise<Uint8Array> {
  const chain = x5c.map((text) => Buffer.from(text, 'base64'))
  const protectedHeader = encode(
    new Map<number, unknown>([
      [HEADER.alg, ES256],
      [HEADER.typ, STATUS_LIST_CWT_TYPE],
      [HEADER.x5chain, chain.length === 1 ? chain[0] : chain],
    ]),
  )
  const payload = encode(
    new Map<number, unknown>([
      [CLAIM.sub, uri],
      [CLAIM.iat, iat],
      [CLAIM.exp, exp],
      [CLAIM.ttl, ttl],
      [CLAIM.statusList, { bits, lst: deflateStatusList(list) }],
    ]),
  )
  const signature = await signer.sign(signatureInput(protectedHeader, payload))
  return encode(new Tagged(COSE_SIGN1, [protectedHeader, new Map(), payload, signature]))
}

/** As {@link verifyStatusListToken}, for the CWT form. Token Status List §5.2, §8.3. @throws StatusListError */
export function verifyStatusListCwt(
  token: Uint8Array,
  {
    expectedUri,
    anchors,
    now,
    expectedSignerSha256,
  }: { expectedUri: string; anchors: AnchorsAt; now: NumericDate; expectedSignerSha256?: string },
): StatusList {
  const parsed = parseStatusListCwt(token)
  const chain = verifyChain(parsed.x5c, { anchors, now })
  if (expectedSignerSha256 !== undefined && chain.leaf.sha256 !== expectedSignerSha256) {
    throw new StatusListError('signer_unexpected', 'x5chain is not the expected signer')
  }
  const statusList = verifyParsedStatusListCwt(parsed, {
    key: chain.leaf.publicJwk,
    expectedUri,
    now,
  })
  return { ...statusList, tokenSha256: sha256Hex(token), signer: { leaf: chain.leaf } }
}

/** A CWT taken apart. Nothing in it is verified. */
export interface ParsedStatusListCwt {
  readonly signatureInput: Uint8Array
  readonly signature: Uint8Array
  readonly claims: ReadonlyMap<unknown, unknown>
  readonly x5c: readonly string[] | undefined
}

/** Takes a Status List Token in CWT form apart: deterministic CBOR, tag 18, ES256, `typ`, no `crit`. @throws StatusListError */
export function parseStatusListCwt(token: Uint8Array): ParsedStatusListCwt {
  if (token.length > MAX_TOKEN_BYTES) throw new StatusListError('too_large', 'token is too long')
  const sign1 = decodeStrict(token)
  if (!(sign1 instanceof Tagged) || sign1.tag !== COSE_SIGN1 || !Array.isArray(sign1.value)) {
    throw new StatusListError('malformed', 'token is not a tagged COSE_Sign1')
  }
  const [protectedHeader, unprotectedHeader, payload, signature, ...rest] = sign1.value as unknown[]
  if (
    rest.length > 0 ||
    !(protectedHeader instanceof Uint8Array) ||
    !(unprotectedHeader instanceof Map) ||
    !(payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw new StatusListError('malformed', 'COSE_Sign1 does not have its four parts')
  }
  const header = decodeMap(protectedHeader)
  if (header.get(HEADER.alg) !== ES256)
    throw new StatusListError('signature_invalid', 'alg is not ES256')
  if (header.has(HEADER.crit)) throw new StatusListError('malformed', 'crit is not understood')
  if (header.get(HEADER.typ) !== STATUS_LIST_CWT_TYPE) {
    throw new StatusListError('type_mismatch', `typ is not ${STATUS_LIST_CWT_TYPE}`)
  }
  return {
    signatureInput: signatureInput(protectedHeader, payload),
    signature,
    claims: decodeMap(payload),
    x5c: readChain(header.get(HEADER.x5chain) ?? unprotectedHeader.get(HEADER.x5chain)),
  }
}

/** Verifies signature, times and content of a parsed CWT under a key that the caller trusts. @throws StatusListError */
export function verifyParsedStatusListCwt(
  { signatureInput: data, signature, claims }: ParsedStatusListCwt,
  { key, expectedUri, now }: { key: PublicJwk; expectedUri: string; now: NumericDate },
): Omit<StatusList, 'tokenSha256' | 'signer'> {
  if (!verifySignature(key, data, signature)) {
    throw new StatusListError('signature_invalid', 'signature does not verify')
  }
  const iat = claims.get(CLAIM.iat)
  const exp = claims.get(CLAIM.exp)
  if (exp !== undefined && typeof exp !== 'number') {
    throw new StatusListError('claim_invalid', 'exp is not a number')
  }
  if (exp !== undefined && now >= exp) throw new StatusListError('expired', 'exp has passed')
  if (typeof iat === 'number' && iat > now + CLOCK_TOLERANCE) {
    throw new StatusListError('not_yet_valid', 'iat is in the future')
  }
  const statusList = claims.get(CLAIM.statusList)
  if (!(statusList instanceof Map)) throw new StatusListError('malformed', 'status_list is missing')
  const lst: unknown = statusList.get('lst')
  return readStatusListMembers(
    {
      sub: claims.get(CLAIM.sub),
      iat,
      exp,
      ttl: claims.get(CLAIM.ttl),
      bits: statusList.get('bits'),
      lst: lst instanceof Uint8Array ? lst : undefined,
    },
    expectedUri,
  )
}

/** The Sig_structure of RFC 9052 §4.4 without external data. */
function signatureInput(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return encode(['Signature1', protectedHeader, new Uint8Array(), payload])
}

/** One certificate or an array of them. RFC 9360 §2. */
function readChain(x5chain: unknown): string[] | undefined {
  const chain = Array.isArray(x5chain) ? (x5chain as unknown[]) : [x5chain]
  if (!chain.every((one) => one instanceof Uint8Array)) return undefined
  return chain.map((der) => Buffer.from(der).toString('base64'))
}

function verifyChain(
  x5c: readonly string[] | undefined,
  { anchors, now }: { anchors: AnchorsAt; now: NumericDate },
): VerifiedChain {
  try {
    return verifyX5c(x5c, { role: 'attestation', anchors, now })
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new StatusListError('not_trusted', `x5chain: ${cause.message}`, { cause })
  }
}

function decodeMap(bytes: Uint8Array): ReadonlyMap<unknown, unknown> {
  const value = decodeStrict(bytes)
  if (!(value instanceof Map))
    throw new StatusListError('malformed', 'header or claims are not a map')
  return value
}

/** Preferred encodings, definite lengths and unique keys only; trailing bytes are refused. RFC 8949 §4.2.1. */
function decodeStrict(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, {
      strict: true,
      useMaps: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      rejectDuplicateMapKeys: true,
      tags: Tagged.preserve(COSE_SIGN1),
    })
  } catch (cause) {
    throw new StatusListError('malformed', 'token is not deterministic CBOR', { cause })
  }
}
