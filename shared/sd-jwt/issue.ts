import { encodeBase64url } from '../base64url.ts'
import { sha256Base64url } from '../hash.ts'
import { signJwtText } from '../jose/jws.ts'
import { isJsonObject, type Json, type JsonObject, renderJsonString } from '../json.ts'
import type { Signer } from '../key/signer.ts'
import type { Random } from '../random.ts'
import type { ClaimPath } from './claim-path.ts'
import { elementText, encodeDisclosures, propertyText } from './disclosure.ts'
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
  const payload = blinder.payload(claims, marks)
  const jwt = await signJwtText({ header, payload, signer })
  return `${jwt}~${blinder.disclosed}`
}

/** A tree of the paths to disclose. */
interface Mark {
  disclose: boolean
  below: Map<string | number | null, Mark> | undefined
}

const NO_MARK: Readonly<Mark> = { disclose: false, below: undefined }

function markPaths(paths: readonly ClaimPath[], never: ReadonlySet<string>): Mark {
  const root: Mark = { disclose: false, below: undefined }
  for (const path of paths) {
    if (never.has(path[0] as string)) {
      throw new SdJwtError('claim_not_disclosable', 'a claim must not be selectively disclosable')
    }
    let mark = root
    for (const component of path) {
      mark.below ??= new Map()
      let next = mark.below.get(component)
      if (!next) {
        next = { disclose: false, below: undefined }
        mark.below.set(component, next)
      }
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

/** Renders claims as JSON text in one pass, with digests in the place of what becomes a disclosure. */
class Blinder {
  /** The disclosures, each with a tilde after it. */
  disclosed = ''
  readonly #decoys: number
  readonly #random: Random
  readonly #digests: string[] = []
  #pending: string[] = []
  #salts = ''
  #nextSalt = 0

  constructor(decoys: number, random: Random) {
    this.#decoys = decoys
    this.#random = random
  }

  payload(claims: JsonObject, marks: Mark): string {
    if (Object.hasOwn(claims, '_sd_alg')) throw reserved()
    const members = this.#members(claims, marks)
    return this.disclosed === '' ? `{${members}}` : `{${members},"_sd_alg":"sha-256"}`
  }

  #members(object: JsonObject, marks: Mark): string {
    let members = ''
    let disclosed: number[] | undefined
    let met = 0
    for (const name of Object.keys(object)) {
      if (name === '_sd' || name === '...' || name === '__proto__') throw reserved()
      const mark = marks.below?.get(name)
      if (mark) met++
      const nameText = renderJsonString(name)
      const value = this.#value(object[name] as Json, mark ?? NO_MARK)
      if (mark?.disclose) {
        disclosed ??= []
        disclosed.push(this.#disclose(propertyText(this.#salt(), nameText, value)))
      } else members += `${members === '' ? '' : ','}${nameText}:${value}`
    }
    if (marks.below && met !== marks.below.size) throw missing()
    if (!disclosed) return members
    this.#encodePending()
    const digests = disclosed.map((place) => this.#digests[place] as string)
    for (let decoy = 0; decoy < this.#decoys; decoy++) digests.push(this.#decoy())
    return `${members}${members === '' ? '' : ','}"_sd":["${digests.sort().join('","')}"]`
  }

  #value(value: Json, marks: Mark): string {
    if (Array.isArray(value)) return this.#array(value, marks)
    if (isJsonObject(value)) return `{${this.#members(value, marks)}}`
    if (marks.below) throw missing()
    return typeof value === 'string' ? renderJsonString(value) : renderScalar(value)
  }

  #array(array: readonly Json[], marks: Mark): string {
    const every = marks.below?.get(null)
    let met = every && array.length > 0 ? 1 : 0
    let disclosed = false
    const elements = array.map((element, index) => {
      const own = marks.below?.get(index)
      if (own) met++
      const mark = every && own ? merge(every, own) : (own ?? every ?? NO_MARK)
      const value = this.#value(element, mark)
      if (!mark.disclose) return value
      disclosed = true
      return this.#disclose(elementText(this.#salt(), value))
    })
    if (marks.below && met !== marks.below.size) throw missing()
    if (!disclosed) return `[${elements.join(',')}]`
    this.#encodePending()
    const texts = elements.map((element) =>
      typeof element === 'string' ? element : digestText(this.#digests[element] as string),
    )
    for (let decoy = 0; decoy < this.#decoys; decoy++) {
      const position = Buffer.from(this.#random(4)).readUInt32BE() % (texts.length + 1)
      texts.splice(position, 0, digestText(this.#decoy()))
    }
    return `[${texts.join(',')}]`
  }

  /** Takes the text of a disclosure and says which one it is. */
  #disclose(text: string): number {
    return this.#digests.length + this.#pending.push(text) - 1
  }

  /** What is nested needs the digest of what is inside it, so an object or array encodes its disclosures at its end. */
  #encodePending(): void {
    for (const encoded of encodeDisclosures(this.#pending)) {
      this.disclosed += `${encoded}~`
      this.#digests.push(sha256Base64url(encoded))
    }
    this.#pending = []
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

function digestText(digest: string): string {
  return `{"...":"${digest}"}`
}

/** A number that JSON cannot say would stand as `null` in a credential. RFC 8259 §6. */
function renderScalar(value: Json | undefined): string {
  if (typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value)
  throw new SdJwtError('claim_invalid', 'a claim is not a JSON value')
}

function merge(a: Readonly<Mark>, b: Readonly<Mark>): Readonly<Mark> {
  const disclose = a.disclose || b.disclose
  if (!a.below || !b.below) return { disclose, below: a.below ?? b.below }
  const below = new Map(a.below)
  for (const [component, mark] of b.below) {
    const other = below.get(component)
    below.set(component, other ? merge(other, mark) : mark)
  }
  return { disclose, below }
}

function reserved(): SdJwtError {
  return new SdJwtError('claim_name_not_allowed', 'a claim has a reserved name')
}

function missing(): SdJwtError {
  return new SdJwtError('claim_missing', 'a path to disclose names nothing in the claims')
}
