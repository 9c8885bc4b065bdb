import type { NumericDate } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import { JoseError } from '../jose/error.ts'
import { parseJwt, signJwt } from '../jose/jws.ts'
import type { JsonObject } from '../json.ts'
import type { Signer } from '../key/signer.ts'
import { type ClaimPath, type ConcretePath, pathsOverlap, resolveClaimPath } from './claim-path.ts'
import { parseDisclosure } from './disclosure.ts'
import { SdJwtError } from './error.ts'
import { ISSUER_JWT_LIMITS, parseSdJwt } from './parse.ts'
import { type PlacedDisclosure, processClaims } from './process.ts'

/** What a holder keeps of a credential: it is taken apart once and presented from many times. Not verified. */
export interface HeldSdJwt {
  readonly issuerJwt: string
  readonly header: JsonObject
  /** With every disclosure in its place. */
  readonly claims: JsonObject
  readonly placed: readonly PlacedDisclosure[]
}

/** What a key binding JWT says. RFC 9901 §4.3. */
export interface KeyBinding {
  readonly signer: Signer
  readonly audience: string
  readonly nonce: string
  readonly now: NumericDate
  /** Hashes of transaction data, over the texts as they were received. OpenID4VP 1.0 Appendix B.3.3. */
  readonly transactionDataHashes?: readonly string[]
}

/** Takes a credential apart for its holder. RFC 9901 §7.2 step 1: one with a key binding JWT is refused. @throws SdJwtError */
export function holdSdJwt(compact: string): HeldSdJwt {
  const { issuerJwt, disclosures, keyBindingJwt } = parseSdJwt(compact)
  if (keyBindingJwt !== undefined) {
    throw new SdJwtError('key_binding_unexpected', 'a credential has a key binding jwt')
  }
  try {
    const { header, payload } = parseJwt(issuerJwt, ISSUER_JWT_LIMITS)
    return { issuerJwt, header, ...processClaims(payload, disclosures.map(parseDisclosure)) }
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw new SdJwtError('malformed', `issuer-signed jwt: ${cause.message}`, { cause })
  }
}

/**
 * Presents a credential with the disclosures that the named places need and no others: those above a place, the place
 * itself and everything inside it. A place that is not in the credential is refused. RFC 9901 §7.2, §4.3.
 * @throws SdJwtError
 */
export async function presentSdJwt({
  sdJwt,
  disclose,
  keyBinding,
}: {
  sdJwt: string | HeldSdJwt
  disclose: readonly ClaimPath[]
  keyBinding?: KeyBinding
}): Promise<string> {
  const held = typeof sdJwt === 'string' ? holdSdJwt(sdJwt) : sdJwt
  let presented = `${held.issuerJwt}~`
  const chosen = choose(held, disclose)
  for (const { disclosure } of chosen) presented += `${disclosure.encoded}~`
  if (!keyBinding) return presented
  const { signer, audience, nonce, now, transactionDataHashes } = keyBinding
  const payload = {
    iat: now,
    aud: audience,
    nonce,
    sd_hash: sha256Base64url(presented),
    ...(transactionDataHashes ? { transaction_data_hashes: transactionDataHashes } : {}),
  }
  return presented + (await signJwt({ header: { typ: 'kb+jwt' }, payload, signer }))
}

/** The paths that a presentation of `disclose` makes visible beyond what stands in the clear. @throws SdJwtError @public */
export function disclosedBy(held: HeldSdJwt, disclose: readonly ClaimPath[]): ClaimPath[] {
  return choose(held, disclose).map(({ path }) => path)
}

function choose(held: HeldSdJwt, disclose: readonly ClaimPath[]): readonly PlacedDisclosure[] {
  const places: ConcretePath[] = []
  for (const path of disclose) {
    const found = resolveClaimPath(held.claims, path)
    if (found.length === 0) {
      throw new SdJwtError('claim_missing', 'a path to disclose names nothing in the credential')
    }
    places.push(...found)
  }
  return held.placed.filter(({ path }) => places.some((place) => pathsOverlap(place, path)))
}
