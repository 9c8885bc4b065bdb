import { encodeBase64url } from '../base64url.ts'
import { sha256Base64url } from '../hash.ts'
import { signJwt } from '../jose/jws.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import type { Signer } from '../key/signer.ts'
import type { Random } from '../random.ts'
import type { ClaimPath } from './claim-path.ts'
import { encodeElement, encodeProperty } from './disclosure.ts'
import { SdJwtError } from './error.ts'
import { NEVER_DISCLOSED, VC_NEVER_DISCLOSED } from './never-disclosed.ts'

/** What an SD-JWT is made from. */
export interface SdJwtContent {
  /** `typ`, `x5c` and the like; the signer says `alg`. */
  readonly header: JsonObject
  readonly claims: JsonObject
  /** Every place named here becomes a disclosure of its own, also inside another. */
  readonly disclosable: readonly ClaimPath[]
  /** Decoy digests added to every object and array that has a disclosure. RFC 9901 §4.2.5. */
  readonly decoys?: number
  readonly signer: Signer
  readonly random: Random
}

/**
 * Issues an SD-JWT with all its disclosures: a fresh salt for each (RFC 9901 §9.3), digests sorted so that
 * the order of claims is hidden (§4.2.4.1), decoys of the same form among them. Validity claims can not be made
 * disclosable (§9.7), and a path that names nothing is refused.
 * @throws SdJwtError
 */
export async function issueSdJwt({
  header,
  claims,
  disclosable,
  decoys = 0,
  signer,
  random,
}: SdJwtContent): Promise<string> {
  const never = header.typ === 'dc+sd-jwt' ? VC_NEVER_DISCLOSED : NEVER_DISCLOSED
  const marks = markPaths(disclosable, never)
  const blinder = new Blinder(decoys, random)
  const payload: Record<string, Json> = { ...blinder.object(claims, marks, true) }
  if (blinder.disclosures.length > 0) payload._sd_alg = 'sha-256'
  const jwt = await signJwt({ header, payload, signer })
  return `${jwt}~${blinder.disclosures.map((disclosure) => `${disclosure}~`).join('')}`
}

/** A tree of the paths to disclose. */
interface Mark {
  disclose: boolean
  readonly below: Map<string | number | null, Mark>
}

const NO_MARK: Mark = { disclose: false, below: new Map() }

function markPaths(paths: readonly ClaimPath[], never: ReadonlySet<string>): Mark {
  const root: Mark = { disclose: false, below: new Map() }
  for (const path of paths) {
    if (never.has(path[0] as string)) {
      throw new SdJwtError('claim_not_disclosable', 'a claim must not be selectively disclosable')
    }
    let mark = root
    for (const component of path) {
      const next = mark.below.get(component) ?? { disclose: false, below: new Map() }
      mark.below.set(component, next)
      mark = next
    }
    mark.disclose = true
  }
  return root
}

/** 144 bits, more than the 128 of §9.3, because 18 bytes are 24 characters without a remainder. */
const SALT_BYTES = 18
const SALT_CHARACTERS = 24
/** Salts that are drawn at once. */
const SALT_BATCH = 32

class Blinder {
  readonly disclosures: string[] = []
  readonly #decoys: number
  readonly #random: Random
  #salts = ''
  #nextSalt = 0

  constructor(decoys: number, random: Random) {
    this.#decoys = decoys
    this.#random = random
  }

  object(object: JsonObject, marks: Mark, isTop = false): JsonObject {
    const clear: Record<string, Json> = {}
    const digests: string[] = []
    let met = 0
    for (const name of Object.keys(object)) {
      if (RESERVED.has(name) || (isTop && name === '_sd_alg')) {
        throw new SdJwtError('claim_name_not_allowed', 'a claim has a reserved name')
      }
      const mark = marks.below.get(name)
      if (mark) met++
      const value = this.#value(object[name] as Json, mark ?? NO_MARK)
      if (mark?.disclose) digests.push(this.#disclose(encodeProperty(this.#salt(), name, value)))
      else clear[name] = value
    }
    if (met !== marks.below.size) throw missing()
    if (digests.length === 0) return clear
    for (let decoy = 0; decoy < this.#decoys; decoy++) digests.push(this.#decoy())
    clear._sd = digests.sort()
    return clear
  }

  #value(value: Json, marks: Mark): Json {
    if (Array.isArray(value)) return this.#array(value, marks)
    if (isJsonObject(value)) return this.object(value, marks)
    if (marks.below.size > 0) throw missing()
    return value
  }

  #array(array: readonly Json[], marks: Mark): readonly Json[] {
    const every = marks.below.get(null)
    let met = every && array.length > 0 ? 1 : 0
    let disclosed = false
    const elements = array.map((element, index) => {
      const own = marks.below.get(index)
      if (own) met++
      const mark = every && own ? merge(every, own) : (own ?? every ?? NO_MARK)
      const value = this.#value(element, mark)
      if (!mark.disclose) return value
      disclosed = true
      return { '...': this.#disclose(encodeElement(this.#salt(), value)) }
    })
    if (met !== marks.below.size) throw missing()
    if (!disclosed) return elements
    for (let decoy = 0; decoy < this.#decoys; decoy++) {
      const position = Buffer.from(this.#random(4)).readUInt32BE() % (elements.length + 1)
      elements.splice(position, 0, { '...': this.#decoy() })
    }
    return elements
  }

  #disclose(encoded: string): string {
    this.disclosures.push(encoded)
    return sha256Base64url(encoded)
  }

  /** RFC 9901 §4.2.5: "the digest of a cryptographically secure random number". */
  #decoy(): string {
    return sha256Base64url(encodeBase64url(this.#random(32)))
  }

  #salt(): string {
    if (this.#nextSalt === this.#salts.length) {
      this.#salts = encodeBase64url(this.#random(SALT_BYTES * SALT_BATCH))
      this.#nextSalt = 0
    }
    const start = this.#nextSalt
    this.#nextSalt = start + SALT_CHARACTERS
    return this.#salts.slice(start, this.#nextSalt)
  }
}

const RESERVED = new Set(['_sd', '...', '__proto__'])

function merge(a: Mark, b: Mark): Mark {
  const below = new Map(a.below)
  for (const [component, mark] of b.below) {
    const other = below.get(component)
    below.set(component, other ? merge(other, mark) : mark)
  }
  return { disclose: a.disclose || b.disclose, below }
}

function missing(): SdJwtError {
  return new SdJwtError('claim_missing', 'a path to disclose names nothing in the claims')
}
