import { AuditError } from './error.ts'
import { decodeBase64 } from './note.ts'

const MAX_HASHES = 63
const MAX_BODY = 1 << 17

/** What a log asks a witness. C2SP tlog-witness, "add-checkpoint". */
export interface AddCheckpoint {
  readonly oldSize: number
  readonly proof: readonly Buffer[]
  readonly checkpoint: string
}

/** The body of the request. */
export function renderAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  const lines = [`old ${oldSize}`, ...proof.map((hash) => hash.toString('base64'))]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Reads the body without verifying anything. @throws AuditError `proof_malformed` */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const split = body.indexOf('\n\n')
  const [old = '', ...lines] = body.slice(0, Math.max(0, split)).split('\n')
  const oldSize = /^old (0|[1-9]\d{0,15})$/.exec(old)?.[1]
  const proof = lines.map(decodeBase64)
  const isProof = proof.length <= MAX_HASHES && proof.every((hash) => hash?.length === 32)
  if (split < 0 || body.length > MAX_BODY || oldSize === undefined || !isProof) {
    throw new AuditError('proof_malformed', 'the request is malformed')
  }
  return {
    oldSize: Number(oldSize),
    proof: proof as Buffer[],
    checkpoint: body.slice(split + 2),
  }
}
