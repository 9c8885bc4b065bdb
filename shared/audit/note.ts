import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { sha256 } from '../hash.ts'
import type { Ed25519Signer, OkpPublicJwk } from '../key/signer.ts'
import { AuditError } from './error.ts'

/** Ed25519 over the note text. C2SP signed-note, "Signature types". */
export const NOTE_ED25519 = 0x01
/** Timestamped Ed25519 cosignature of a checkpoint. C2SP tlog-cosignature. */
export const NOTE_COSIGNATURE = 0x04

const MAX_NOTE_LENGTH = 1 << 17
const MAX_SIGNATURES = 64

/** One signature line: who signed, with which key, and the bytes after the key ID. */
export interface NoteSignature {
  readonly name: string
  readonly keyId: string
  readonly signature: Buffer
}

/** A note taken apart, with no signature verified. C2SP signed-note, "Format". */
export interface Note {
  /** The signed text, its final newline included. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A public key under the name it signs with. C2SP signed-note, "Verifier keys". */
export interface NoteVerifier {
  readonly name: string
  readonly keyId: string
  readonly type: number
  readonly key: KeyObject
  /** The text form of this key. */
  readonly vkey: string
}

/** Makes the verifier of a signer's public key. @throws AuditError `note_malformed` for a name with a space or plus */
export function noteVerifier(
  name: string,
  jwk: OkpPublicJwk,
  type: number = NOTE_ED25519,
): NoteVerifier {
  if (!isKeyName(name)) throw new AuditError('note_malformed', 'the key name is not allowed')
  const raw = Buffer.from(jwk.x, 'base64url')
  const keyId = keyIdOf(name, type, raw)
  const encoded = Buffer.concat([Buffer.of(type), raw]).toString('base64')
  return {
    name,
    keyId,
    type,
    key: createPublicKey({ key: { ...jwk }, format: 'jwk' }),
    vkey: `${name}+${keyId}+${encoded}`,
  }
}

/** Reads a vkey and checks that its key ID belongs to its key. @throws AuditError `note_malformed` */
export function parseVkey(vkey: string): NoteVerifier {
  const [name = '', keyId = '', ...rest] = vkey.split('+')
  const material = decodeBase64(rest.join('+'))
  const type = material?.[0]
  if (!isKeyName(name) || material === undefined || type === undefined) {
    throw new AuditError('note_malformed', 'the verifier key is malformed')
  }
  if ((type !== NOTE_ED25519 && type !== NOTE_COSIGNATURE) || material.length !== 33) {
    throw new AuditError('note_malformed', 'the verifier key is not an Ed25519 key')
  }
  const x = material.subarray(1).toString('base64url')
  const verifier = noteVerifier(name, { kty: 'OKP', crv: 'Ed25519', x }, type)
  if (verifier.keyId !== keyId) {
    throw new AuditError('note_malformed', 'the key ID does not belong to the verifier key')
  }
  return verifier
}

/** Signs a text and answers the whole note. C2SP signed-note, "Ed25519 signatures". */
export async function signNote(text: string, name: string, signer: Ed25519Signer): Promise<string> {
  checkText(text)
  const { keyId } = noteVerifier(name, signer.publicJwk)
  const signature = await signer.sign(Buffer.from(text))
  return `${text}\n${signatureLine({ name, keyId, signature: Buffer.from(signature) })}`
}

/** A signature line with its newline. */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(keyId, 'hex'), signature]).toString('base64')}\n`
}

/** Takes a note apart without verifying it. @throws AuditError `note_malformed` */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_LENGTH) throw new AuditError('note_malformed', 'the note is too long')
  // "The text is separated from the signatures by the last empty line in the note."
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) {
    throw new AuditError('note_malformed', 'the note has no signatures')
  }
  const text = note.slice(0, split + 1)
  checkText(text)
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) {
    throw new AuditError('note_malformed', 'the note has too many signatures')
  }
  return { text, signatures: lines.map(parseSignatureLine) }
}

/** Reads one signature line without its newline. @throws AuditError `note_malformed` */
export function parseSignatureLine(line: string): NoteSignature {
  const [dash, name = '', encoded = '', ...rest] = line.split(' ')
  const bytes = decodeBase64(encoded)
  if (dash !== '—' || rest.length > 0 || !isKeyName(name) || !bytes || bytes.length < 5) {
    throw new AuditError('note_malformed', 'a signature line is malformed')
  }
  return { name, keyId: bytes.subarray(0, 4).toString('hex'), signature: bytes.subarray(4) }
}

/**
 * Verifies the Ed25519 signatures of the trusted keys on a note. Signatures of other keys are ignored; one of a
 * trusted key that fails rejects the note. C2SP signed-note, "Signatures".
 * @throws AuditError `note_unsigned` when no trusted key signed, `signature_invalid`
 */
export function verifyNote(note: Note, trusted: readonly NoteVerifier[]): void {
  const message = Buffer.from(note.text)
  let verified = 0
  for (const { name, keyId, signature } of note.signatures) {
    const verifier = trusted.find((key) => key.name === name && key.keyId === keyId)
    if (verifier?.type !== NOTE_ED25519) continue
    if (!verify(null, message, verifier.key, signature)) {
      throw new AuditError('signature_invalid', 'the signature of a trusted key does not verify')
    }
    verified++
  }
  if (verified === 0) throw new AuditError('note_unsigned', 'no trusted key signed the note')
}

/** Decodes the one canonical standard base64 text of some bytes; `undefined` for anything else. RFC 4648 §4. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function keyIdOf(name: string, type: number, raw: Uint8Array): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), raw]))
    .subarray(0, 4)
    .toString('hex')
}

function isKeyName(name: string): boolean {
  return name.length > 0 && !/[\s+]/u.test(name)
}

/** "Signed notes … MUST NOT contain any ASCII control characters … other than newline." */
function checkText(text: string): void {
  if (!text.endsWith('\n') || /\p{Surrogate}/u.test(text) || hasControl(text)) {
    throw new AuditError('note_malformed', 'the note text is malformed')
  }
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x20 && unit !== 0x0a) return true
  }
  return false
}
