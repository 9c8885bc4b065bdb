import { OperatorError } from '../operator-error.ts'

/** What an examination found. `weak` works and should be mended; `wrong` does not work, or not for long. */
export type Finding =
  | { readonly verdict: 'ok'; readonly message: string }
  | {
      readonly verdict: 'weak' | 'wrong'
      readonly message: string
      /** What to do, in the imperative. */
      readonly remedy: string
    }

/** One thing to look at. It answers what it found, and throws an `OperatorError` for what stops the program. */
export interface Check {
  /** Stable and short, such as `attestation key`. */
  readonly name: string
  readonly run: () => readonly Finding[] | Promise<readonly Finding[]>
}

/** A finding and the check that has it. */
export type NamedFinding = Finding & { readonly check: string }

export function ok(message: string): Finding {
  return { verdict: 'ok', message }
}

export function weak(message: string, remedy: string): Finding {
  return { verdict: 'weak', message, remedy }
}

export function wrong(message: string, remedy: string): Finding {
  return { verdict: 'wrong', message, remedy }
}

/**
 * Runs every check, one after another, and answers all findings in their order. A check that throws is itself a finding,
 * so that one failure hides no other.
 */
export async function examine(checks: readonly Check[]): Promise<NamedFinding[]> {
  const findings: NamedFinding[] = []
  for (const { name, run } of checks) {
    const found = await Promise.resolve()
      .then(run)
      .catch((error: unknown) => [failed(error)])
    findings.push(...found.map((finding) => ({ check: name, ...finding })))
  }
  return findings
}

function failed(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof OperatorError && error.hint !== undefined) return wrong(message, error.hint)
  return wrong(message, 'mend what the message names, then examine again')
}
