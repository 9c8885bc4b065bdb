import type { Ed25519Signer } from '../key/signer.ts'
import { AuditError } from './error.ts'
import {
  decodeBase64,
  type Note,
  type NoteVerifier,
  parseNote,
  signNote,
  verifyNote,
} from './note.ts'

/** What a log says of itself at one moment. C2SP tlog-checkpoint. */
export interface TreeHead {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** A tree head with the note it came in. */
export interface Checkpoint extends TreeHead {
  readonly note: Note
}

/** The note text of a tree head, without extension lines. C2SP tlog-checkpoint, "Note text". */
export function checkpointText({ origin, size, root }: TreeHead): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** Signs a tree head under its own origin as key name. The caller promises never to sign two roots for one size. */
export function signCheckpoint(head: TreeHead, signer: Ed25519Signer): Promise<string> {
  return signNote(checkpointText(head), head.origin, signer)
}

/** Reads a checkpoint without verifying it. @throws AuditError `note_malformed`, `checkpoint_malformed` */
export function parseCheckpoint(text: string): Checkpoint {
  const note = parseNote(text)
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n')
  const hash = decodeBase64(root)
  // "no leading zeroes (unless the tree is empty, in which case the tree size is `0`)"; extension lines "MUST be non-empty".
  if (origin === '' || !/^(0|[1-9]\d{0,15})$/.test(size) || hash?.length !== 32) {
    throw new AuditError('checkpoint_malformed', 'the checkpoint is malformed')
  }
  if (!Number.isSafeInteger(Number(size)) || extensions.includes('')) {
    throw new AuditError('checkpoint_malformed', 'the checkpoint is malformed')
  }
  return { origin, size: Number(size), root: hash, note }
}

/**
 * Reads a checkpoint and verifies that the log signed it under its own origin. It says nothing of witnesses, nor of
 * consistency with other checkpoints.
 * @throws AuditError
 */
export function verifyCheckpoint(text: string, log: NoteVerifier): Checkpoint {
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== log.name) {
    throw new AuditError('origin_mismatch', 'the checkpoint is of another log')
  }
  verifyNote(checkpoint.note, [log])
  return checkpoint
}
