import { sha256Hex } from '../../shared/hash.ts'
import {
  canonicalJson,
  isJsonObject,
  type Json,
  JsonError,
  type JsonObject,
  parseJson,
} from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import { explain } from '../../shared/schema.ts'
import {
  DECISION_CODES,
  type Workflow,
  type WorkflowReference,
  workflowSchema,
} from './workflow.ts'

/** A workflow version that may be used, with the one text that its digest is of. */
export interface PublishedWorkflow {
  readonly workflow: Workflow
  readonly reference: WorkflowReference
  readonly text: string
}

/**
 * Reads a workflow and answers it with the reference that sessions keep: the digest is of its canonical JSON, so that
 * white space makes no new version and every other change does.
 * @throws OperatorError `config_invalid`
 */
export function readWorkflow(text: string): PublishedWorkflow {
  return publish(text, (value) => value)
}

/**
 * Reads a workflow that a session began under, perhaps in an earlier version of this program, which did not know every
 * code of today: what it says nothing of goes to a person.
 * @throws OperatorError `config_invalid`
 */
export function readStoredWorkflow(text: string): PublishedWorkflow {
  return publish(text, (value) => {
    if (!isJsonObject(value) || !isJsonObject(value.severities ?? null)) return value
    const referred = Object.fromEntries(DECISION_CODES.map((code) => [code, 'refer']))
    return { ...value, severities: { ...referred, ...(value.severities as JsonObject) } }
  })
}

function publish(text: string, complete: (value: Json) => Json): PublishedWorkflow {
  try {
    const value = parseJson(text)
    const result = workflowSchema.safeParse(complete(value))
    if (!result.success) {
      throw new OperatorError('config_invalid', `the workflow is wrong: ${explain(result.error)}`)
    }
    const canonical = canonicalJson(value)
    const { id, version } = result.data
    return {
      workflow: result.data,
      reference: { id, version, sha256: sha256Hex(canonical) },
      text: canonical,
    }
  } catch (error) {
    if (!(error instanceof JsonError)) throw error
    throw new OperatorError('config_invalid', `the workflow is wrong: ${error.message}`)
  }
}
