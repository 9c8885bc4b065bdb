import type { Evidence, Field, FieldName, Score, Warning } from '../evidence/evidence.ts'

/** The fixed people of a sandbox, by what becomes of them. */
export const SANDBOX_PEOPLE = ['approved', 'referred', 'expired', 'revoked'] as const

export type SandboxPerson = (typeof SANDBOX_PEOPLE)[number]

/** ICAO 9303-3 §5, part D: a state that does not exist. */
const COUNTRY = 'UTO'
/** From which day a person of the sandbox, or their document, is. */
const DATES: Readonly<Record<SandboxPerson, { readonly born: string; readonly expires: string }>> =
  {
    approved: { born: '1990-02-28', expires: '2099-12-31' },
    referred: { born: '1985-07-14', expires: '2099-12-31' },
    expired: { born: '1979-11-03', expires: '2020-01-01' },
    revoked: { born: '1996-05-21', expires: '2099-12-31' },
  }

/** The number of a person's document: nobody else's has this form. */
export function sandboxDocumentNumber(person: SandboxPerson): string {
  return `SANDBOX${SANDBOX_PEOPLE.indexOf(person) + 1}`
}

/** What the pictures of a person show. Nothing was looked at: every number is fixed and says whose it is. */
export function sandboxEvidence(person: SandboxPerson): Omit<Evidence, 'pipeline' | 'collectedAt'> {
  const { born, expires } = DATES[person]
  const values: Partial<Record<FieldName, string>> = {
    family_name: 'SANDBOX',
    given_name: person.toUpperCase(),
    birthdate: born,
    sex: 'X',
    nationality: COUNTRY,
    document_number: sandboxDocumentNumber(person),
    issuing_country: COUNTRY,
    date_of_expiry: expires,
  }
  const fields = Object.fromEntries(
    Object.entries(values).map(([name, value]): [string, Field] => [
      name,
      { value, source: 'mrz', confidence: 1 },
    ]),
  )
  const expired: Warning = { code: 'document_expired', feature: 'document' }
  return {
    models: [],
    document: {
      type: 'TD3',
      reading: 'ok',
      repaired: false,
      fields,
      checkDigits: [],
    },
    // Below what passes, above what speaks against the applicant: a person looks.
    faceMatch: score(person === 'referred' ? 0.5 : 1),
    liveness: score(1),
    warnings: person === 'expired' ? [expired] : [],
    notAssured: [],
  }
}

function score(value: number): Score {
  return { value, threshold: 0.6, review: 0.4, models: ['sandbox'], assurance: 'not_assured' }
}
