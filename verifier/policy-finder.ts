import { parseJson } from '../shared/json.ts'
import { type Policy, parsePolicy } from './policy/policy.ts'
import type { VerifierStore } from './store.ts'

/**
 * Finds the policy that a request was made under, by digest: among those in use, or as it was kept with the request,
 * so that a changed policy never changes what was asked or decided before.
 */
export function policyFinder(
  policies: ReadonlyMap<string, Policy>,
  store: VerifierStore,
): (sha256: string) => Promise<Policy> {
  const known = new Map([...policies.values()].map((policy) => [policy.sha256, policy]))
  return async (sha256) => {
    const found = known.get(sha256)
    if (found) return found
    const text = await store.findArtefact(sha256)
    const kept = text === undefined ? undefined : parsePolicy(parseJson(text))
    if (kept?.sha256 !== sha256) throw new Error('the policy of a request is missing')
    known.set(sha256, kept)
    return kept
  }
}
