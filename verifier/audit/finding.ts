/** The rules that the tool judges by. Each is decided from public artefacts and the tool's own clock alone. */
export type Rule =
  // the log
  | 'log_inconsistent'
  | 'log_malformed'
  | 'equivocation'
  | 'witness_missing'
  | 'leaf_malformed'
  | 'foreign_list'
  // the chain of publications of one list
  | 'sequence_broken'
  | 'back_dating'
  | 'late_publication'
  | 'coverage_gap'
  | 'shrinking_list'
  | 'un_revocation'
  // the crowd on one list
  | 'herd_misstated'
  | 'predictable_index'
  // one token
  | 'token_missing'
  | 'token_mismatch'
  | 'wrong_key'
  | 'bad_encoding'
  | 'forms_differ'
  // what is served now
  | 'list_unreachable'
  | 'unlogged_token'
  | 'private_access'

/** One broken rule, with what shows it. */
export interface Finding {
  readonly rule: Rule
  readonly detail: string
  readonly list?: string
  /** Index in the log of the leaf that shows it. */
  readonly leaf?: number
  /** Signed checkpoints that cannot both be of one log. */
  readonly evidence?: readonly string[]
}
