import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { JsonError, parseJson } from '../shared/json.ts'
import { OperatorError } from '../shared/operator-error.ts'
import { packageRoot } from '../shared/package-root.ts'
import { sandboxType } from '../shared/sandbox.ts'
import { type Policy, PolicyError, parsePolicy } from './policy/policy.ts'

/** Where the policies that come with the program are. */
export const BUILT_IN_POLICIES: string = join(packageRoot, 'verifier/policy/packs')

/**
 * Reads every `.json` file of the folders as a policy. Of two versions of one policy the higher is used; two that
 * claim the same version are refused, because a version never changes. For a sandbox each asks for what a sandbox issues
 * in place of what it names, so that the very files are tried.
 * @throws OperatorError `config_invalid`
 */
export function readPolicies(
  folders: readonly string[],
  { sandbox = false }: { readonly sandbox?: boolean } = {},
): ReadonlyMap<string, Policy> {
  const policies = new Map<string, Policy>()
  for (const file of folders.flatMap(policyFiles)) {
    const read = policyOfText(file, readFileSync(file, 'utf8'))
    const policy = sandbox ? policyOfText(file, sandboxText(read)) : read
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

/** The text of a policy whose every credential type is the one that a sandbox issues in its place. */
function sandboxText({ document }: Policy): string {
  return JSON.stringify(document, (name, value: unknown) =>
    name === 'vct_values' && Array.isArray(value) ? value.map(String).map(sandboxType) : value,
  )
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
