import { parseAddCheckpoint } from '../../shared/audit/add-checkpoint.ts'
import {
  type Checkpoint,
  parseCheckpoint,
  verifyCheckpoint,
} from '../../shared/audit/checkpoint.ts'
import { cosign } from '../../shared/audit/cosignature.ts'
import { AuditError } from '../../shared/audit/error.ts'
import { EMPTY_ROOT, isConsistent } from '../../shared/audit/merkle.ts'
import { type NoteVerifier, signatureLine } from '../../shared/audit/note.ts'
import type { Clock } from '../../shared/clock.ts'
import type { Ed25519Signer } from '../../shared/key/signer.ts'

/** The last checkpoint that a witness cosigned for each log, durable. */
export interface WitnessState {
  read(origin: string): Promise<string | undefined>
  /**
   * Puts a checkpoint in place of the one that was read, durable when it resolves. Answers false, changing nothing,
   * when another process has replaced that one meanwhile.
   */
  replace(origin: string, expected: string | undefined, cosigned: string): Promise<boolean>
}

/** What a witness answers. C2SP tlog-witness, "add-checkpoint". */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly body: string
}

/** A witness of some logs under its own key. */
export interface Witness {
  /** Cosigns a checkpoint that continues the last one it cosigned for that log, and nothing else. */
  addCheckpoint(body: string): Promise<WitnessAnswer>
  /** The last cosigned checkpoint of a log. */
  checkpoint(origin: string): Promise<string | undefined>
  readonly logs: readonly NoteVerifier[]
}

/** Opens a witness; requests of one process wait for each other, so that comparing and persisting are one step. */
export function openWitness(options: {
  readonly name: string
  readonly signer: Ed25519Signer
  readonly logs: readonly NoteVerifier[]
  readonly state: WitnessState
  readonly clock: Clock
}): Witness {
  let turn: Promise<unknown> = Promise.resolve()
  return {
    logs: options.logs,
    addCheckpoint: (body) => {
      const next = turn.then(() => addCheckpoint(options, body))
      turn = next.catch(() => undefined)
      return next
    },
    checkpoint: (origin) => options.state.read(origin),
  }
}

async function addCheckpoint(
  { name, signer, logs, state, clock }: Parameters<typeof openWitness>[0],
  body: string,
): Promise<WitnessAnswer> {
  const request = orRefusal(() => parseAddCheckpoint(body))
  if (request === undefined) return refuse(400, 'the request is malformed')
  const unverified = orRefusal(() => parseCheckpoint(request.checkpoint))
  if (unverified === undefined) return refuse(400, 'the checkpoint is malformed')
  const log = logs.find((known) => known.name === unverified.origin)
  // "If the checkpoint origin is unknown, the witness MUST respond with a "404 Not Found"."
  if (log === undefined) return refuse(404, 'the log is unknown here')
  const checkpoint = orRefusal(() => verifyCheckpoint(request.checkpoint, log))
  if (checkpoint === undefined) return refuse(403, 'the log has not signed the checkpoint')
  const { oldSize, proof } = request
  if (oldSize > checkpoint.size) return refuse(400, 'the old size is larger than the checkpoint')
  const stored = await state.read(log.name)
  const last = stored === undefined ? undefined : parseCheckpoint(stored)
  // "The response body MUST consist of the tree size of the latest cosigned checkpoint in decimal, followed by a newline."
  if (oldSize !== (last?.size ?? 0)) return refuse(409, `${last?.size ?? 0}`)
  if (!continues(last, checkpoint, proof)) {
    return refuse(422, 'the checkpoint does not continue the last one')
  }
  const line = await cosign(checkpoint, { name, signer, now: clock() })
  const own = checkpoint.note.signatures.filter((signature) => signature.keyId === log.keyId)
  const lines = own.map((signature) => signatureLine(signature)).join('')
  // "The witness MUST persist the new checkpoint before responding."
  const cosigned = `${checkpoint.note.text}\n${lines}${line}`
  if (!(await state.replace(log.name, stored, cosigned))) {
    const newest = await state.read(log.name)
    return refuse(409, `${newest === undefined ? 0 : parseCheckpoint(newest).size}`)
  }
  return { status: 200, body: line }
}

function continues(
  last: Checkpoint | undefined,
  next: Checkpoint,
  proof: readonly Uint8Array[],
): boolean {
  if (next.size === 0 && !next.root.equals(EMPTY_ROOT)) return false
  // "If the old size is zero, the consistency proof MUST be empty."
  if (last === undefined || last.size === 0) return proof.length === 0
  const { size: first, root: firstRoot } = last
  return isConsistent({ first, firstRoot, second: next.size, secondRoot: next.root, proof })
}

function orRefusal<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof AuditError) return undefined
    throw error
  }
}

function refuse(status: WitnessAnswer['status'], text: string): WitnessAnswer {
  return { status, body: `${text}\n` }
}
