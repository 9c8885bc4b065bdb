import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { JsonError, parseJson } from '../shared/json.ts'
import { OperatorError } from '../shared/operator-error.ts'
import { packageRoot } from '../shared/package-root.ts'
import { type Policy, PolicyError, parsePolicy } from './policy/policy.ts'

/** Where the policies that come with the program are. */
export const BUILT_IN_POLICIES: string = join(packageRoot, 'verifier/policy/packs')

/**
 * Reads every `.json` file of the folders as a policy. Of two versions of one policy the higher is used; two that
 * claim the same version are refused, because a version never changes.
 * @throws OperatorError `config_invalid`
 */
export function readPolicies(folders: readonly string[]): ReadonlyMap<string, Policy> {
  const policies = new Map<string, Policy>()
  for (const file of folders.flatMap(policyFiles)) {
    const policy = policyOfText(file, readFileSync(file, 'utf8'))
    const known = policies.get(policy.id)
    if (known?.version === policy.version && known.sha256 !== policy.sha256) {
      throw new OperatorError(
        'config_invalid',
        `${file}: version ${policy.version} of ${policy.id} is there already`,
        {
          hint: 'give a changed policy a higher version',
        },
      )
    }
    if (!known || policy.version > known.version) policies.set(policy.id, policy)
  }
  return policies
}

function policyFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(folder, name))
  } catch (cause) {
    throw new OperatorError('config_invalid', `cannot read the policies in ${folder}`, { cause })
  }
}

/** Reads the text of a policy file; the message names the file and the member. @throws OperatorError `config_invalid` */
export function policyOfText(file: string, text: string): Policy {
  try {
    return parsePolicy(parseJson(text))
  } catch (cause) {
    if (!(cause instanceof PolicyError || cause instanceof JsonError)) throw cause
    throw new OperatorError('config_invalid', `${file}: ${cause.message}`, { cause })
  }
}
