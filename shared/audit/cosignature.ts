import { verify } from 'node:crypto'
import type { NumericDate } from '../clock.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import type { Checkpoint } from './checkpoint.ts'
import { AuditError } from './error.ts'
import { NOTE_COSIGNATURE, type NoteVerifier, noteVerifier, signatureLine } from './note.ts'

/** A witness that vouches for a checkpoint, and since when. */
export interface Cosignature {
  readonly name: string
  readonly at: NumericDate
}

/** Which witnesses count, and how many of them must have cosigned. */
export interface WitnessPolicy {
  readonly witnesses: readonly NoteVerifier[]
  readonly threshold: number
}

const TIMESTAMP_LENGTH = 8

/** The verifier of a witness's cosignatures. C2SP tlog-cosignature, "Format". */
export function cosignatureVerifier(name: string, signer: Ed25519Signer): NoteVerifier {
  return noteVerifier(name, signer.publicJwk, NOTE_COSIGNATURE)
}

/** A cosignature line over a checkpoint that the witness found consistent. C2SP tlog-cosignature, "Ed25519 signed message". */
export async function cosign(
  checkpoint: Checkpoint,
  witness: { readonly name: string; readonly signer: Ed25519Signer; readonly now: NumericDate },
): Promise<string> {
  const { name, signer, now } = witness
  const signature = await signer.sign(cosignedMessage(checkpoint.note.text, now))
  const timestamp = Buffer.alloc(TIMESTAMP_LENGTH)
  timestamp.writeBigUInt64BE(BigInt(now))
  const { keyId } = cosignatureVerifier(name, signer)
  return signatureLine({ name, keyId, signature: Buffer.concat([timestamp, signature]) })
}

/**
 * The cosignatures of known witnesses on a checkpoint, each witness once. Lines of others are ignored; one of a known
 * witness that fails rejects the checkpoint.
 * @throws AuditError `signature_invalid`
 */
export function verifyCosignatures(
  checkpoint: Checkpoint,
  witnesses: readonly NoteVerifier[],
): Cosignature[] {
  const found = new Map<string, Cosignature>()
  for (const { name, keyId, signature } of checkpoint.note.signatures) {
    const witness = witnesses.find((known) => known.name === name && known.keyId === keyId)
    if (witness?.type !== NOTE_COSIGNATURE) continue
    const at = timestampOf(signature)
    const message = cosignedMessage(checkpoint.note.text, at)
    if (!verify(null, message, witness.key, signature.subarray(TIMESTAMP_LENGTH))) {
      throw new AuditError(
        'signature_invalid',
        'the cosignature of a known witness does not verify',
      )
    }
    found.set(witness.vkey, { name, at })
  }
  return [...found.values()]
}

/** Refuses a checkpoint that fewer witnesses than the policy asks for have cosigned. @throws AuditError `witness_missing` */
export function requireWitnesses(checkpoint: Checkpoint, policy: WitnessPolicy): Cosignature[] {
  const cosignatures = verifyCosignatures(checkpoint, policy.witnesses)
  if (cosignatures.length < policy.threshold) {
    throw new AuditError('witness_missing', 'too few witnesses have cosigned the checkpoint')
  }
  return cosignatures
}

function timestampOf(signature: Buffer): NumericDate {
  const timestamp = signature.length === TIMESTAMP_LENGTH + 64 ? signature.readBigUInt64BE() : 0n
  if (timestamp === 0n || timestamp > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new AuditError('signature_invalid', 'the cosignature of a known witness is malformed')
  }
  return Number(timestamp)
}

function cosignedMessage(text: string, at: NumericDate): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${at}\n${text}`)
}
