import type { NumericDate } from '../clock.ts'
import type { Ed25519Signer } from '../key/signer.ts'
import { OperatorError } from '../operator-error.ts'
import type { AuditEntry } from './entry.ts'
import type { Cosign } from './gather-cosignatures.ts'
import type { CheckpointMark } from './mark.ts'

/**
 * What is stored is not what was signed: an entry or tile was altered, or the database is older than the mark that is
 * kept apart from it. Nothing is signed; an operator must look.
 */
export class LogMismatch extends Error {
  override readonly name = 'LogMismatch'
}

/** What a log is opened with. */
export interface AuditLogOptions {
  readonly origin: string
  readonly signer: Ed25519Signer
  /** Without it, a database restored from an old backup is found out by witnesses and auditors only. */
  readonly mark?: CheckpointMark
  /** With it, a checkpoint is served once enough witnesses have cosigned it. */
  readonly cosign?: Cosign
}

/** Answers what an operator reads when a log may not go on. Other failures are answered as they are. */
export function asOperatorError(error: unknown): unknown {
  if (!(error instanceof LogMismatch)) return error
  return new OperatorError('log_damaged', `nothing is published: ${error.message}`, {
    cause: error,
    hint: 'an older database was put in place: restore the newest backup into a new folder; never remove the mark',
  })
}

/**
 * The append-only log of one issuer tenant. Every method is one transaction. An appended entry is durable and has its
 * place for ever, but only {@link publish} shows it; what is served never goes beyond the last published checkpoint.
 */
export interface AuditLog {
  /** The log's identity, also its key name. C2SP tlog-checkpoint. */
  readonly origin: string
  /** The key that verifies its checkpoints. C2SP signed-note, "Verifier keys". */
  readonly vkey: string
  /** Appends an entry in a transaction of its own and answers its index. */
  append(entry: AuditEntry): Promise<number>
  /**
   * Builds tiles, signs, and answers a checkpoint that covers every entry appended before the call. It never signs
   * two roots for one size; where what is stored does not hash to what was signed it throws {@link LogMismatch} and
   * signs nothing.
   */
  publish(now: NumericDate): Promise<string>
  /** How many entries there are, and how many of them the last published checkpoint covers. */
  size(): Promise<{ readonly appended: number; readonly served: number }>
  /** The last published checkpoint; `undefined` before the first. */
  checkpoint(): Promise<string | undefined>
  /** The first `width` hashes of a tile; `undefined` beyond the checkpoint. */
  tile(level: number, index: number, width: number): Promise<Buffer | undefined>
  /** The first `width` entries of a bundle; `undefined` beyond the checkpoint. */
  entryBundle(index: number, width: number): Promise<Buffer | undefined>
  /** A tlog-proof of the entry at `index` under the last checkpoint; `undefined` when that does not cover it. */
  prove(index: number): Promise<string | undefined>
  /** The consistency proof between two published sizes, `0 < first <= second`. RFC 6962 §2.1.2. */
  proveConsistency(first: number, second: number): Promise<Buffer[]>
  /** Hashes every entry and tile again and answers what does not match, nothing when all is well. */
  check(): Promise<string[]>
}
