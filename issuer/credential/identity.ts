import { encodeBase64url } from '../../shared/base64url.ts'
import { type NumericDate, startOfDate, toDateTime } from '../../shared/clock.ts'
import type { Json, JsonObject } from '../../shared/json.ts'
import type { EcPublicJwk } from '../../shared/key/signer.ts'
import type { Random } from '../../shared/random.ts'
import { sandboxType } from '../../shared/sandbox.ts'
import type { StatusReference } from '../../shared/status-list/reference.ts'
import type { Approval } from '../decision/approval.ts'
import type { DocumentType, FieldName } from '../evidence/evidence.ts'
import { alpha2Of } from './country.ts'

/** The credential type: who a person is, as one document and one face showed. docs/issuer.md. */
export const IDENTITY_VCT = 'urn:carnet:identity:1'

const DAY = 86_400
const AGES = [16, 18, 19, 21] as const
/** ICAO 9303-3 §5: a nationality that is not specified, as on a driving licence, which shows none. */
const NOT_SHOWN = 'XXX'

/** What a document is in words, and what of it a machine read. */
const KINDS: Readonly<
  Record<DocumentType, { readonly kind: string; readonly read: 'mrz' | 'print' | 'barcode' }>
> = {
  TD1: { kind: 'identity_card', read: 'mrz' },
  TD2: { kind: 'identity_card', read: 'mrz' },
  TD3: { kind: 'passport', read: 'mrz' },
  MRVA: { kind: 'visa', read: 'mrz' },
  MRVB: { kind: 'visa', read: 'mrz' },
  EU_DL: { kind: 'driving_licence', read: 'print' },
  AAMVA_DL: { kind: 'driving_licence', read: 'barcode' },
  AAMVA_ID: { kind: 'identity_card', read: 'barcode' },
}

/** A path into the claims, as disclosures take it. */
export type ClaimPath = readonly string[]

/** What a copy says, before any of it is hidden, and what of it becomes a disclosure: everything about the person. */
export interface IdentityContent {
  readonly claims: JsonObject
  readonly disclosable: readonly ClaimPath[]
}

/** Whoever issues: `iss` and the metadata that the PID rulebook asks for. */
export interface IssuingAuthority {
  readonly issuer: string
  readonly name: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  /** Whether it is a sandbox, whose credentials are of a type of their own. */
  readonly sandbox?: boolean
}

/** The type of what an authority issues. */
export function identityTypeOf({ sandbox = false }: Pick<IssuingAuthority, 'sandbox'>): string {
  return sandbox ? sandboxType(IDENTITY_VCT) : IDENTITY_VCT
}

/**
 * When copies that are made now begin and end: whole days, so that a time links no two of them, and never beyond the
 * last day of the document. `undefined` when the document has no day left.
 */
export function validityOf(
  approval: Pick<Approval, 'evidence' | 'workflow'>,
  now: NumericDate,
): { issuedAt: NumericDate; expiresAt: NumericDate } | undefined {
  const today = Math.floor(now / DAY) * DAY
  const lastDay = startOfDate(approval.evidence.document.fields.date_of_expiry?.value ?? '')
  if (lastDay === undefined) return undefined
  const expiresAt = Math.min(today + approval.workflow.credential.validDays * DAY, lastDay + DAY)
  return expiresAt > now ? { issuedAt: today, expiresAt } : undefined
}

/**
 * The claims of one copy: PID names where there is one, ages as comparisons, how the person was verified without any
 * score. Every copy has the same claims, so that the number of digests tells nothing.
 */
export function identityContent(
  approval: Approval,
  copy: {
    readonly authority: IssuingAuthority
    readonly holderKey: EcPublicJwk
    readonly status: StatusReference
    readonly issuedAt: NumericDate
    readonly expiresAt: NumericDate
  },
): IdentityContent {
  const { authority, holderKey, status, issuedAt, expiresAt } = copy
  const personal = personalClaims(approval, authority, issuedAt)
  const clear: JsonObject = {
    iss: authority.issuer,
    iat: issuedAt,
    exp: expiresAt,
    vct: identityTypeOf(authority),
    cnf: { jwk: { ...holderKey } },
    status: statusClaim(status),
  }
  return { claims: { ...clear, ...personal }, disclosable: leavesOf(personal) }
}

/** Unpredictable for everyone else, and the same again when an intent is signed a second time after a crash. */
export function copySeed(random: Random): Uint8Array {
  return random(32)
}

/** Names the delivery of the copies of one intent to the wallet alone. OpenID4VCI 1.0 §8.3. */
export function notificationIdOf(random: Random): string {
  return encodeBase64url(random(24))
}

function personalClaims(
  { evidence, workflow, decidedAt, reviewed }: Approval,
  authority: IssuingAuthority,
  issuedAt: NumericDate,
): Record<string, Json> {
  const value = (name: FieldName): string => {
    const field = evidence.document.fields[name]
    if (field === undefined) throw new Error(`an approved document has no ${name}`)
    return field.value
  }
  const birthdate = value('birthdate')
  const { faceMatch, liveness, document } = evidence
  return {
    family_name: value('family_name'),
    given_name: value('given_name'),
    birthdate,
    sex: sexOf(evidence.document.fields.sex?.value),
    nationalities: [alpha2Of(document.fields.nationality?.value ?? NOT_SHOWN)],
    age_equal_or_over: Object.fromEntries(
      AGES.map((age) => [String(age), isAtLeast(age, birthdate, issuedAt)]),
    ),
    document: {
      type: KINDS[document.type].kind,
      issuing_country: alpha2Of(value('issuing_country')),
      number: value('document_number'),
      date_of_expiry: value('date_of_expiry'),
    },
    verification: {
      trust_framework: 'urn:carnet:proofing:1',
      time: toDateTime(Math.floor(decidedAt / DAY) * DAY).slice(0, 10),
      workflow: `${workflow.id}/${workflow.version}`,
      pipeline: evidence.pipeline,
      document: KINDS[document.type].read,
      face_match: faceMatch.assurance,
      liveness: liveness.assurance,
      screening: true,
      reviewed_by_person: reviewed,
    },
    issuing_authority: authority.name,
    issuing_country: authority.country,
  }
}

/** Every leaf on its own, so that a platform can ask for one age or one detail alone; an array goes as a whole. */
function leavesOf(claims: Readonly<Record<string, Json>>): ClaimPath[] {
  return Object.entries(claims).flatMap(([name, value]): ClaimPath[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value).map((member) => [name, member])
      : [[name]],
  )
}

/** Both shapes in one object: Token Status List §6.2, and the members of ETSI TS 119 472-1 §5.2.10. */
function statusClaim({ uri, idx }: StatusReference): JsonObject {
  return {
    status_list: { uri, idx },
    type: 'TokenStatusList',
    purpose: 'revocation',
    index: idx,
    uri,
  }
}

/** ISO/IEC 5218 as PID has it: 0 not known, 1 male, 2 female; a machine-readable zone has letters. */
function sexOf(value: string | undefined): number {
  if (value === '1' || value === 'M') return 1
  return value === '2' || value === 'F' ? 2 : 0
}

/** Whether the birthday that makes a person `age` years old had come on the day of issuance (UTC). */
function isAtLeast(age: number, birthdate: string, at: NumericDate): boolean {
  const today = toDateTime(at).slice(0, 10)
  const birthday = `${String(Number(birthdate.slice(0, 4)) + age).padStart(4, '0')}${birthdate.slice(4)}`
  return birthday <= today
}
