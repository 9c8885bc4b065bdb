import { type Checkpoint, verifyCheckpoint } from './checkpoint.ts'
import { AuditError } from './error.ts'
import { hashLeaf, isIncluded } from './merkle.ts'
import { decodeBase64, type NoteVerifier } from './note.ts'

const HEADER = 'c2sp.org/tlog-proof@v1'
const MAX_PROOF_LENGTH = 1 << 18
const MAX_HASHES = 63

/** An offline proof that a log has an entry. C2SP tlog-proof. */
export interface TlogProof {
  readonly index: number
  readonly hashes: readonly Buffer[]
  /** The checkpoint as the log served it. */
  readonly checkpoint: string
  /** Opaque and not authenticated. */
  readonly extra?: Buffer
}

/** Renders the text of a proof. C2SP tlog-proof, "Format". */
export function renderTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  const lines = [HEADER]
  if (extra !== undefined) lines.push(`extra ${extra.toString('base64')}`)
  lines.push(`index ${index}`, ...hashes.map((hash) => hash.toString('base64')))
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Reads the text of a proof without verifying it. @throws AuditError `proof_malformed` */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n')
  if (split < 0 || text.length > MAX_PROOF_LENGTH) throw malformed()
  const lines = text.slice(0, split).split('\n')
  if (lines.shift() !== HEADER) throw malformed()
  const extra = lines[0]?.startsWith('extra ') ? decodeBase64(lines.shift()?.slice(6) ?? '') : false
  if (extra === undefined) throw malformed()
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')?.[1]
  const hashes = lines.map(decodeBase64)
  if (index === undefined || !Number.isSafeInteger(Number(index))) throw malformed()
  if (hashes.length > MAX_HASHES || !hashes.every((hash) => hash?.length === 32)) throw malformed()
  return {
    index: Number(index),
    hashes: hashes as Buffer[],
    checkpoint: text.slice(split + 2),
    ...(extra === false ? {} : { extra }),
  }
}

/**
 * Verifies that the log which `log` names has `entry`, and answers where. It does not look for witnesses.
 * C2SP tlog-proof, "Verifying a tlog proof".
 * @throws AuditError
 */
export function verifyTlogProof(
  text: string,
  entry: Uint8Array,
  log: NoteVerifier,
): { readonly index: number; readonly checkpoint: Checkpoint } {
  const proof = parseTlogProof(text)
  const checkpoint = verifyCheckpoint(proof.checkpoint, log)
  const { size, root } = checkpoint
  const leafHash = hashLeaf(entry)
  if (!isIncluded({ leafHash, index: proof.index, size, proof: proof.hashes, root })) {
    throw new AuditError('proof_invalid', 'the proof does not lead to the root of the checkpoint')
  }
  return { index: proof.index, checkpoint }
}

function malformed(): AuditError {
  return new AuditError('proof_malformed', 'the proof is malformed')
}
