import type { NumericDate } from '../../shared/clock.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../../shared/json.ts'
import type { EcPublicJwk } from '../../shared/key/signer.ts'
import { SdJwtError } from '../../shared/sd-jwt/error.ts'
import { parseSdJwt } from '../../shared/sd-jwt/parse.ts'
import { type VerifiedSdJwtVc, verifySdJwtVc } from '../../shared/sd-jwt/vc.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { WalletError } from '../error.ts'
import type { ReceivedCopy, ReceivedCredential } from '../vault/vault.ts'

/** What was asked for, to compare with what came. */
export interface ExpectedCredential {
  readonly expectedIssuer: string
  readonly expectedVct: string
  readonly expectedHolderKeys: readonly EcPublicJwk[]
  readonly anchors: AnchorsAt
  readonly now: NumericDate
}

interface VerifiedCopy extends ReceivedCopy {
  readonly verified: VerifiedSdJwtVc
}

/**
 * Judges delivered copies before any is stored: an SD-JWT VC without key binding JWT, of the type that was asked for,
 * from the issuer that was asked, trusted by the list, each bound to another one of our keys; all say the same, and no
 * two share what would let two verifiers recognise the holder. RFC 9901 §7.2, HAIP 1.0 §6.1, OpenID4VCI 1.0 §8.3, §15.4.1.
 * Does not look up the status.
 * @throws WalletError `credential_invalid`, `issuer_not_trusted`
 */
export function acceptCopies(
  compacts: readonly string[],
  expected: ExpectedCredential,
): ReceivedCredential {
  const copies = compacts.map((compact) => verifyCopy(compact, expected))
  const [first] = copies
  if (!first) throw new WalletError('credential_invalid', 'the issuer sent no copy')
  for (const other of copies.slice(1)) {
    if (statementOf(other) !== statementOf(first)) {
      throw new WalletError('credential_invalid', 'the copies do not say the same')
    }
  }
  refuseLinkable(copies)
  const { issuer, vct, claims, issuerChain } = first.verified
  const { organisation, subjectName } = issuerChain.leaf
  return {
    issuer,
    issuerName: organisation ?? subjectName,
    vct,
    ...(typeof claims.exp === 'number' ? { expires: claims.exp } : {}),
    copies: copies.map(({ compact, holderKey }) => ({ compact, holderKey })),
  }
}

function verifyCopy(compact: string, expected: ExpectedCredential): VerifiedCopy {
  let verified: VerifiedSdJwtVc
  try {
    if (parseSdJwt(compact).keyBindingJwt !== undefined) {
      throw new WalletError('credential_invalid', 'the issuer sent a copy with a key binding JWT')
    }
    verified = verifySdJwtVc(compact, {
      anchors: expected.anchors,
      now: expected.now,
      expectedVcts: [expected.expectedVct],
      keyBinding: 'not_required',
    })
  } catch (cause) {
    if (!(cause instanceof SdJwtError)) throw cause
    if (cause.code === 'issuer_invalid') {
      throw new WalletError('issuer_not_trusted', `the issuer is not trusted: ${cause.message}`, {
        cause,
        hint: 'the trust list does not name it: carnet-wallet trust',
      })
    }
    throw new WalletError('credential_invalid', `the credential is not valid: ${cause.message}`, {
      cause,
    })
  }
  if (verified.issuer !== expected.expectedIssuer) {
    throw new WalletError('credential_invalid', 'the credential is from another issuer than asked')
  }
  const holderKey = expected.expectedHolderKeys.find((key) => isSameKey(key, verified.holderKey))
  if (!holderKey) {
    throw new WalletError(
      'credential_invalid',
      'the credential is not bound to a key of this wallet',
    )
  }
  return { compact, holderKey, verified }
}

function isSameKey(a: EcPublicJwk, b: EcPublicJwk | undefined): boolean {
  return a.x === b?.x && a.y === b.y
}

/** Everything that is said of the holder: all claims but those that must differ from copy to copy. */
function statementOf({ verified: { claims } }: VerifiedCopy): string {
  const { cnf, status, iat, nbf, exp, ...rest } = claims
  return canonicalJson(rest as JsonObject)
}

/** A salt, a digest, a status index or a key that two copies share would name the holder to anyone who has both. */
function refuseLinkable(copies: readonly VerifiedCopy[]): void {
  const seen = new Set<string>()
  for (const { compact, holderKey, verified } of copies) {
    const { status, claims } = verified
    const marks = new Set([
      `key ${holderKey.x}`,
      ...(status ? [`status ${status.uri} ${status.idx}`] : []),
      ...(typeof claims.jti === 'string' ? [`jti ${claims.jti}`] : []),
      ...parseSdJwt(compact).disclosures.map((disclosure) => `disclosure ${disclosure}`),
      ...digestsOf(verified.issuerJwt).map((digest) => `digest ${digest}`),
    ])
    for (const mark of marks) {
      if (seen.has(mark)) {
        throw new WalletError(
          'credential_invalid',
          'two copies share a value that identifies them',
          {
            hint: 'showing them would let two verifiers recognise you; ask the issuer to mend that',
          },
        )
      }
    }
    for (const mark of marks) seen.add(mark)
  }
}

/** The digests of the signed payload, decoys included. RFC 9901 §4.2.4. */
function digestsOf(issuerJwt: string): string[] {
  return digestsIn(parseJwt(issuerJwt).payload)
}

function digestsIn(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(digestsIn)
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    if (name === '...' && typeof inner === 'string') return [inner]
    if (name === '_sd' && Array.isArray(inner)) {
      return inner.filter((digest) => typeof digest === 'string')
    }
    return digestsIn(inner)
  })
}
