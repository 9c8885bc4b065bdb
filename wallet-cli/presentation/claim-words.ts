import type { ClaimPath } from '../../shared/sd-jwt/claim-path.ts'
import { plain } from '../text.ts'

/** What every SD-JWT VC says of itself, and not of its holder. SD-JWT VC §3.2.2. */
export const TECHNICAL_CLAIMS: ReadonlySet<string> = new Set([
  'iss',
  'iat',
  'nbf',
  'exp',
  'vct',
  'vct#integrity',
  'cnf',
  'status',
  'jti',
])

/** What people call the claims that wallets are asked for. */
const WORDS: Readonly<Record<string, string>> = {
  family_name: 'family name',
  given_name: 'given names',
  birthdate: 'date of birth',
  place_of_birth: 'place of birth',
  nationalities: 'nationality',
  address: 'address',
  sex: 'sex',
  picture: 'portrait',
  email: 'e-mail address',
  phone_number: 'phone number',
  birth_family_name: 'family name at birth',
  birth_given_name: 'given names at birth',
  personal_administrative_number: 'personal number',
  issuing_authority: 'issuing authority',
  issuing_country: 'issuing country',
  date_of_expiry: 'date of expiry',
  date_of_issuance: 'date of issuance',
  document: 'identity document',
  'document.number': 'document number',
  'document.type': 'document type',
  'document.issuing_country': 'document: issuing country',
  'document.date_of_expiry': 'document: date of expiry',
  verification: 'how you were verified',
}

const ORDER = Object.keys(WORDS)

/** An order for reading: names and birth first, what has no word last; the same whatever order the issuer hid. */
export function compareClaims(a: ClaimPath, b: ClaimPath): number {
  const place = ([name]: ClaimPath): number => {
    const index = ORDER.indexOf(String(name))
    return index < 0 ? ORDER.length : index
  }
  return place(a) - place(b) || (pathText(a) < pathText(b) ? -1 : 1)
}

/** What people call a type of credential; its own name where there is no word for it. */
export function typeWords(vct: string): string {
  const kind = /^urn:carnet:([a-z-]+):1$/.exec(vct)?.[1]
  return kind === undefined ? plain(vct) : `your ${kind.replace(/-/g, ' ')}`
}

/** A path as text, such as `document.number`; elements of a list carry no number. */
export function pathText(path: ClaimPath): string {
  return path.filter((part) => typeof part === 'string').join('.')
}

/** What people call the claim at a path; its own name where there is no word for it. */
export function claimWords(path: ClaimPath): string {
  const text = pathText(path)
  const word = WORDS[text]
  if (word !== undefined) return word
  const [first, second] = path
  if (first === 'age_equal_or_over' && typeof second === 'string') return `${second} or older`
  if (first === 'verification' && typeof second === 'string') {
    return `how you were verified: ${second.replace(/_/g, ' ')}`
  }
  return text
}
