import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { ConcretePath } from './claim-path.ts'
import type { Disclosure } from './disclosure.ts'
import { SdJwtError } from './error.ts'
import { MAX_CLAIM_DEPTH } from './parse.ts'

/** A disclosure and the place where its value stands in the processed claims. */
export interface PlacedDisclosure {
  readonly disclosure: Disclosure
  readonly path: ConcretePath
}

/** Claims as an application reads them, with every disclosure in its place. */
export interface ProcessedClaims {
  readonly claims: JsonObject
  readonly placed: readonly PlacedDisclosure[]
}

/**
 * Puts disclosures in the places that the payload's digests name. RFC 9901 §7.1 steps 3 to 5: each digest and each
 * disclosure at most once, the right kind of disclosure in the right kind of place, no reserved or taken name, none
 * left over; elements whose digest has no disclosure are removed, and so are `_sd` and `_sd_alg`. A member named
 * `__proto__` is refused anywhere. Verifies no signature.
 * @throws SdJwtError
 */
export function processClaims(
  payload: JsonObject,
  disclosures: readonly Disclosure[],
): ProcessedClaims {
  const state: State = { byDigest: new Map(), seen: new Set(), placed: [], path: [] }
  for (const disclosure of disclosures) {
    if (state.byDigest.has(disclosure.digest)) {
      throw new SdJwtError('disclosure_repeated', 'a disclosure is repeated')
    }
    state.byDigest.set(disclosure.digest, disclosure)
  }
  if (Object.hasOwn(payload, '_sd_alg') && payload._sd_alg !== 'sha-256') {
    // step 2 d: "Check that the _sd_alg value is understood and the hash algorithm is deemed secure"
    throw new SdJwtError('hash_algorithm', '_sd_alg is not sha-256')
  }
  const claims = expandObject(payload, state)
  // step 5: "If any Disclosure was not referenced by digest value …, the SD-JWT MUST be rejected."
  if (state.placed.length !== disclosures.length) {
    throw new SdJwtError('disclosure_unreferenced', 'a disclosure is not referenced by a digest')
  }
  return { claims, placed: state.placed }
}

interface State {
  readonly byDigest: Map<string, Disclosure>
  readonly seen: Set<string>
  readonly placed: PlacedDisclosure[]
  /** Where in the processed claims the work is. */
  readonly path: (string | number)[]
}

/** The value of one member or element, whose own place is `component`. */
function expand(value: Json, component: string | number, state: State): Json {
  if (typeof value !== 'object' || value === null) return value
  const { path } = state
  path.push(component)
  if (path.length > MAX_CLAIM_DEPTH) {
    throw new SdJwtError('too_large', 'claims are nested too deeply')
  }
  const expanded = isJsonObject(value)
    ? expandObject(value, state)
    : expandArray(value as readonly Json[], state)
  path.pop()
  return expanded
}

function expandObject(object: JsonObject, state: State): JsonObject {
  const claims: Record<string, Json> = {}
  const isTop = state.path.length === 0
  let digests: Json | undefined
  for (const name of Object.keys(object)) {
    const value = object[name] as Json
    if (name === '_sd') digests = value
    else if (name === '...' || name === '__proto__') throw reserved('a claim')
    else if (name !== '_sd_alg' || !isTop) claims[name] = expand(value, name, state)
  }
  if (digests === undefined) return claims
  if (!Array.isArray(digests)) throw new SdJwtError('malformed', '_sd is not an array')
  for (const digest of digests as readonly Json[]) {
    const disclosure = find(digest, state)
    if (!disclosure) continue
    const { name } = disclosure
    if (name === undefined) {
      throw new SdJwtError('disclosure_invalid', 'an array element is disclosed as a property')
    }
    if (name === '_sd' || name === '...' || name === '__proto__' || (name === '_sd_alg' && isTop)) {
      throw reserved('a disclosure')
    }
    if (Object.hasOwn(claims, name)) {
      throw new SdJwtError('claim_exists', 'a disclosed claim exists already')
    }
    state.placed.push({ disclosure, path: [...state.path, name] })
    claims[name] = expand(disclosure.value, name, state)
  }
  return claims
}

function reserved(what: string): SdJwtError {
  return new SdJwtError('claim_name_not_allowed', `${what} has a reserved name`)
}

function expandArray(array: readonly Json[], state: State): readonly Json[] {
  const elements: Json[] = []
  for (const element of array) {
    if (!isJsonObject(element) || !Object.hasOwn(element, '...')) {
      elements.push(expand(element, elements.length, state))
      continue
    }
    // §4.2.4.2: "There MUST NOT be any other keys in the object."
    if (Object.keys(element).length !== 1) {
      throw new SdJwtError('malformed', 'an element digest has another member beside it')
    }
    const disclosure = find(element['...'] as Json, state)
    if (!disclosure) continue
    if (disclosure.name !== undefined) {
      throw new SdJwtError('disclosure_invalid', 'a property is disclosed as an array element')
    }
    state.placed.push({ disclosure, path: [...state.path, elements.length] })
    elements.push(expand(disclosure.value, elements.length, state))
  }
  return elements
}

/** Step 4: "If any digest value is encountered more than once …, the SD-JWT MUST be rejected." */
function find(digest: Json, { byDigest, seen }: State): Disclosure | undefined {
  if (typeof digest !== 'string') throw new SdJwtError('malformed', 'a digest is not a string')
  if (seen.has(digest)) throw new SdJwtError('digest_repeated', 'a digest is repeated')
  seen.add(digest)
  return byDigest.get(digest)
}
