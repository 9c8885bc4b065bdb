import type { CopyState } from './vault.ts'

/** Whether nobody has seen a copy, nor may have. */
export function isFree({ verifier, retired }: Omit<CopyState, 'id'>): boolean {
  return verifier === undefined && retired === undefined
}
