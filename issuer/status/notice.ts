import { Problem } from '../../shared/problem.ts'
import type { Durations, HolderNotice } from './operations.ts'
import { type ReasonClass, reasonText, statusOf } from './status.ts'

/** A notice as every store keeps it. */
export interface NoticeRow {
  readonly event: number
  readonly uri: string
  readonly idx: number
  readonly to_status: number
  readonly reason_class: ReasonClass
  readonly effective_at: number
  readonly due_at: number
}

/** The notice in words that the holder may see. */
export function noticeOf(row: NoticeRow): HolderNotice {
  return {
    event: row.event,
    reference: { uri: row.uri, idx: row.idx },
    to: statusOf(row.to_status),
    text: reasonText(row.reason_class),
    effectiveAt: row.effective_at,
    dueAt: row.due_at,
  }
}

/** Sums up how long things took. */
export function durationsOf(rows: readonly { readonly seconds: number }[]): Durations {
  const sorted = rows.map(({ seconds }) => seconds).sort((a, b) => a - b)
  return {
    count: sorted.length,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    max: sorted.at(-1) ?? 0,
    late: sorted.filter((seconds) => seconds > 86_400).length,
  }
}

/** Thrown inside the transaction, so that a refused release leaves nothing, not even an answer to be repeated. */
export function noHold(): Problem {
  return new Problem('change_not_found', 'no notice of this change is on hold')
}
