/** Claims that decide validity, which must stand in the clear. RFC 9901 §9.7. */
export const NEVER_DISCLOSED: ReadonlySet<string> = new Set(['exp', 'nbf', 'cnf'])

/** The claims of an SD-JWT VC that must stand in the clear, with everything inside them. SD-JWT VC draft-13 §3.2.2.2. */
export const VC_NEVER_DISCLOSED: ReadonlySet<string> = new Set([
  'iss',
  'nbf',
  'exp',
  'cnf',
  'vct',
  'vct#integrity',
  'status',
])
