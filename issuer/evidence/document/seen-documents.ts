import type { NumericDate } from '../../../shared/clock.ts'
import { hmacSha256 } from '../../../shared/hash.ts'
import type { DocumentEvidence, Warning } from '../evidence.ts'
import type { FaceTemplate } from '../face/embed.ts'

/**
 * What one session showed, as keyed digests alone: who holds the store and not the key learns nothing of it, and can
 * compare it with nothing that was not digested under the same key.
 */
export interface Sighting {
  readonly sessionId: string
  /** Type, issuing state and number. */
  readonly document: string
  /** Name and date of birth. */
  readonly person: string
  /** Parts of the portrait's template, coarse enough that a second picture of one portrait shares several. */
  readonly portrait: readonly string[]
}

/** What was seen before under other data. */
export interface SeenBefore {
  readonly document: boolean
  readonly portrait: boolean
}

/**
 * Documents and portraits that this issuer has seen, for finding one that comes back with other data. Off unless an
 * issuer opens it under a key and a clock of its own; no verifier has a route to it.
 */
export interface SeenDocuments {
  /** Answers what was seen by another session with another person, and keeps this sighting until `expires`: at once. */
  see(sighting: Sighting, expires: NumericDate, now: NumericDate): Promise<SeenBefore>
  /** Forgets what a session showed, as when its data is erased. */
  forget(sessionId: string): Promise<void>
  /** Forgets what has expired and answers how many sessions that were. */
  purge(now: NumericDate): Promise<number>
}

/** Of these parts a portrait that was seen before shares at least so many. */
export const PORTRAIT_PARTS = 40
export const LEAST_PARTS_IN_COMMON = 3
const BITS_OF_PART = 24

/**
 * The keyed digests of a session; `undefined` where the document shows no number, name or date of birth. Two pictures of
 * one portrait have templates a few degrees apart, so most of the signs of their random projections agree; those of
 * another portrait of the same person agree in far fewer.
 */
export function sightingOf(
  key: Uint8Array,
  {
    sessionId,
    document,
    portrait,
  }: {
    readonly sessionId: string
    readonly document: Pick<DocumentEvidence, 'type' | 'fields'>
    readonly portrait: FaceTemplate
  },
): Sighting | undefined {
  const { fields, type } = document
  const number = (fields.document_number?.value ?? '').replace(/[^A-Z0-9]/g, '')
  const person = personDigest(key, document)
  if (number === '' || person === undefined) return undefined
  return {
    sessionId,
    document: digest(key, ['document', type, fields.issuing_country?.value ?? '', number]),
    person,
    portrait: portraitParts(key, portrait),
  }
}

/** The keyed digest of name and date of birth; `undefined` where the document does not show both. */
export function personDigest(
  key: Uint8Array,
  { fields }: Pick<DocumentEvidence, 'fields'>,
): string | undefined {
  const value = (name: keyof typeof fields) => fields[name]?.value ?? ''
  const name = `${value('family_name')} ${value('given_name')}`.toUpperCase()
  if (name.trim() === '' || value('birthdate') === '') return undefined
  return digest(key, ['person', name, value('birthdate')])
}

/** The warnings that a session gets for what was seen before. */
export function seenWarnings({ document, portrait }: SeenBefore): readonly Warning[] {
  const warning = (code: Warning['code']): Warning => ({ code, feature: 'document' })
  return [
    ...(document ? [warning('document_seen_with_other_data')] : []),
    ...(portrait ? [warning('portrait_seen_with_other_data')] : []),
  ]
}

function digest(key: Uint8Array, parts: readonly string[]): string {
  return hmacSha256(key, Buffer.from(JSON.stringify(parts))).toString('base64url')
}

function portraitParts(key: Uint8Array, template: FaceTemplate): readonly string[] {
  const [[network, numbers] = ['', new Float32Array()]] = [...template].sort(([p], [q]) =>
    p < q ? -1 : 1,
  )
  return Array.from({ length: PORTRAIT_PARTS }, (_, part) => {
    const directions = signsOf(key, `${network}/${part}`, numbers.length * BITS_OF_PART)
    let bits = ''
    for (let bit = 0; bit < BITS_OF_PART; bit++) {
      let sum = 0
      for (let i = 0; i < numbers.length; i++) {
        const sign = directions[bit * numbers.length + i] as number
        sum += sign * (numbers[i] as number)
      }
      bits += sum >= 0 ? '1' : '0'
    }
    return digest(key, ['portrait', network, String(part), bits])
  })
}

/** Plus and minus ones that the key decides, so that the directions are as secret as it is. */
function signsOf(key: Uint8Array, label: string, count: number): Int8Array {
  const signs = new Int8Array(count)
  for (let block = 0, at = 0; at < count; block++) {
    for (const byte of hmacSha256(key, Buffer.from(`${label}/${block}`))) {
      for (let bit = 0; bit < 8 && at < count; bit++, at++) signs[at] = (byte >> bit) & 1 ? 1 : -1
    }
  }
  return signs
}
