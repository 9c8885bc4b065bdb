import { canonicalJson, type JsonObject } from '../../shared/json.ts'
import type { FetchTypeMetadata } from '../../shared/sd-jwt/type-metadata.ts'
import { IDENTITY_VCT, identityTypeOf } from './identity.ts'

/** The personal claims of the identity credential and what people call them: each is there, and each is a disclosure. */
export const IDENTITY_CLAIMS: readonly (readonly [path: readonly string[], name: string])[] = [
  [['family_name'], 'Family name'],
  [['given_name'], 'Given names'],
  [['birthdate'], 'Date of birth'],
  [['sex'], 'Sex'],
  [['nationalities'], 'Nationalities'],
  [['age_equal_or_over', '16'], 'At least 16 years old'],
  [['age_equal_or_over', '18'], 'At least 18 years old'],
  [['age_equal_or_over', '19'], 'At least 19 years old'],
  [['age_equal_or_over', '21'], 'At least 21 years old'],
  [['document', 'type'], 'Kind of document'],
  [['document', 'issuing_country'], 'Country of the document'],
  [['document', 'number'], 'Number of the document'],
  [['document', 'date_of_expiry'], 'Last day of the document'],
  [['verification', 'trust_framework'], 'Rules of the verification'],
  [['verification', 'time'], 'Day of the verification'],
  [['verification', 'workflow'], 'Workflow of the verification'],
  [['verification', 'pipeline'], 'Version of the verification'],
  [['verification', 'document'], 'How the document was read'],
  [['verification', 'face_match'], 'Assurance of the face match'],
  [['verification', 'liveness'], 'Assurance of liveness'],
  [['verification', 'screening'], 'Screened against lists'],
  [['verification', 'reviewed_by_person'], 'Reviewed by a person'],
  [['issuing_authority'], 'Issuing authority'],
  [['issuing_country'], 'Issuing country'],
]

/** What stands in the clear in every copy. SD-JWT VC draft-13 §3.2.2.2. */
const CLEAR_CLAIMS = ['iss', 'iat', 'exp', 'vct', 'cnf', 'status']

/** The type metadata of the identity credential: what it holds and what of it is disclosed. SD-JWT VC draft-13 §6, §9. */
export const identityType: JsonObject = {
  vct: IDENTITY_VCT,
  name: 'Verified identity',
  description: 'Who a person is, as one document and one face showed.',
  claims: [
    ...CLEAR_CLAIMS.map((name) => ({ path: [name], sd: 'never', mandatory: true })),
    ...IDENTITY_CLAIMS.map(([path, label]) => ({
      path,
      sd: 'always',
      mandatory: true,
      display: [{ locale: 'en', label }],
    })),
  ],
}

/** The same of what a sandbox issues: another type, which says so and extends none. */
export const sandboxIdentityType: JsonObject = {
  ...identityType,
  vct: identityTypeOf({ sandbox: true }),
  name: 'Sandbox identity',
  description: 'A made-up person, for trying out an integration. It says nothing of anybody.',
}

/** Answers the types of this issuer from memory, for whoever checks a credential by its type. */
export const fetchOwnType: FetchTypeMetadata = async (vct) => {
  const type = [identityType, sandboxIdentityType].find((known) => known.vct === vct)
  if (type === undefined) throw new Error('that is no type of this issuer')
  return Buffer.from(canonicalJson(type))
}
