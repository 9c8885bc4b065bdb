import { ZodError } from 'zod'
import { checkStatusProof } from '../../shared/audit/check-status-proof.ts'
import { type Checkpoint, parseCheckpoint } from '../../shared/audit/checkpoint.ts'
import { chunkRoot, proveStatus } from '../../shared/audit/chunk-proof.ts'
import { AuditError } from '../../shared/audit/error.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import type { NoteVerifier } from '../../shared/audit/note.ts'
import { parseTlogProof, verifyTlogProof } from '../../shared/audit/proof.ts'
import { isListOf, type StatusPublished } from '../../shared/audit/status-leaf.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import { canonicalJson, isJsonObject, type JsonObject, parseJsonBytes } from '../../shared/json.ts'
import { readStatus } from '../../shared/status-list/bits.ts'
import { readStatusListClaims } from '../../shared/status-list/token.ts'
import { type DecidingLeaves, findLeaves, nameOfStatus, statusName } from './at.ts'
import { type KnownLog, type LogEntry, proveEntry } from './read-log.ts'
import type { PublicSource } from './source.ts'
import { verifyLoggedToken } from './token.ts'

/** Files by name: everything that a later reader needs beside the log's key. */
export type EvidenceFiles = ReadonlyMap<string, Buffer>

/** What a list said of an index at a time. */
export interface StatusAnswer {
  readonly time: NumericDate
  readonly status: string
  readonly sequence: number
  /** The token was the newest from here… */
  readonly from: NumericDate
  /** …until here, if a later one is in the log. */
  readonly until?: NumericDate
}

/** The statement that a set of files proves. */
export interface Statement {
  readonly format: 'carnet-status-evidence/1'
  readonly log: string
  readonly list: string
  readonly index: number
  /** True when chunks stand for whole tokens: what the log commits to, without the list's own signature. */
  readonly compact: boolean
  readonly answers: readonly StatusAnswer[]
}

/** The evidence does not prove what it states. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError'
}

const MANIFEST = 'statement.json'
const MAX_TOKEN_LENGTH = 64 << 20

/**
 * Collects what proves the status of one index at some times: token, trust list and leaves with their proofs under
 * one checkpoint, the next leaf of the list among them. What it answers has passed {@link checkEvidence}.
 * @throws EvidenceError when the list said nothing at a time, AuditError, SourceError
 */
export async function collectEvidence(
  source: PublicSource,
  log: NoteVerifier,
  question: {
    readonly known: KnownLog
    readonly entries: readonly LogEntry[]
    readonly list: string
    readonly index: number
    readonly times: readonly NumericDate[]
    readonly compact?: boolean
  },
): Promise<{ readonly files: EvidenceFiles; readonly statement: Statement }> {
  const { known, entries, list, index, compact = false } = question
  const times = [...new Set(question.times)].sort((a, b) => a - b)
  const files = new Map<string, Buffer>()
  for (const time of times) {
    const leaves = findLeaves(entries, { list, time })
    if (leaves === undefined) throw new EvidenceError(`the list says nothing at ${time}`)
    await addLeaves(files, source, { known, leaves, compact })
    if (compact) await addChunk(files, source, leaves, index)
    else await addTokens(files, source, leaves)
  }
  const statement = proveStatement(files, log, { list, index, times, compact })
  files.set(MANIFEST, renderStatement(statement))
  checkEvidence(files, log)
  return { files, statement }
}

/**
 * Checks evidence offline: every proof leads to a checkpoint of the log, every token is the one that was logged and
 * verifies under the trust list that was logged before it, and the statement is exactly what follows. Nothing may be
 * missing, left over or different in one byte.
 * @throws EvidenceError
 */
export function checkEvidence(files: EvidenceFiles, log: NoteVerifier): Statement {
  try {
    return check(files, log)
  } catch (cause) {
    if (!(cause instanceof AuditError) && !(cause instanceof ZodError)) throw cause
    throw new EvidenceError(`a leaf or its proof does not verify: ${cause.message}`, { cause })
  }
}

function check(files: EvidenceFiles, log: NoteVerifier): Statement {
  const manifest = files.get(MANIFEST)
  if (manifest === undefined) throw new EvidenceError(`${MANIFEST} is missing`)
  const asked = readQuestion(manifest)
  const statement = proveStatement(files, log, asked)
  if (!renderStatement(statement).equals(manifest)) {
    throw new EvidenceError(`${MANIFEST} states something else than the files prove`)
  }
  const expected = new Set([MANIFEST, ...fileNames(files, asked)])
  for (const name of files.keys()) {
    if (!expected.has(name)) throw new EvidenceError(`${name} proves nothing`)
  }
  return statement
}

/** @throws EvidenceError when the list is at another host than the log, which has nothing to say of it then */
export function requireOwnList(log: NoteVerifier, list: string): void {
  if (!isListOf(log.name, list)) throw new EvidenceError(`${log.name} is not the log of this list`)
}

/** The checkpoints that checked evidence stands on, for whoever asks for witnesses. */
export function checkpointsOf(files: EvidenceFiles): Checkpoint[] {
  return [...files]
    .filter(([name]) => name.endsWith('.tlog-proof'))
    .map(([, bytes]) => parseCheckpoint(parseTlogProof(bytes.toString('utf8')).checkpoint))
}

interface Question {
  readonly list: string
  readonly index: number
  readonly times: readonly NumericDate[]
  readonly compact: boolean
}

async function addLeaves(
  files: Map<string, Buffer>,
  source: PublicSource,
  { known, leaves, compact }: { known: KnownLog; leaves: DecidingLeaves; compact: boolean },
): Promise<void> {
  for (const { entry } of leavesOf(leaves, compact)) {
    files.set(`leaf-${entry.index}.json`, entry.bytes)
    files.set(`leaf-${entry.index}.tlog-proof`, Buffer.from(await proveEntry(source, known, entry)))
  }
}

async function addTokens(
  files: Map<string, Buffer>,
  source: PublicSource,
  { published: { leaf }, trustList }: DecidingLeaves,
): Promise<void> {
  if (trustList === undefined) throw new EvidenceError('the log names no trust list before it')
  files.set(`token-${leaf.sequence}.jwt`, Buffer.from(await readToken(source, leaf)))
  const text = await source.trustList(trustList.leaf.sha256)
  if (text === undefined) throw new EvidenceError('the issuer does not serve the trust list')
  files.set(`trust-list-${trustList.entry.index}.jwt`, Buffer.from(text))
}

async function addChunk(
  files: Map<string, Buffer>,
  source: PublicSource,
  { published: { leaf } }: DecidingLeaves,
  index: number,
): Promise<void> {
  const token = parseJwt(await readToken(source, leaf), { maxLength: MAX_TOKEN_LENGTH })
  const { list, bits } = readStatusListClaims(token.payload, leaf.list)
  if (readStatus(list, bits, index) === undefined) {
    throw new EvidenceError('the index lies outside of the list')
  }
  files.set(`chunk-${leaf.sequence}.bin`, proveStatus(list, bits, index))
}

async function readToken(source: PublicSource, leaf: StatusPublished): Promise<string> {
  const token = await source.token(leaf.list, leaf.sha256)
  if (token === undefined) throw new EvidenceError('the issuer does not serve the logged token')
  return token
}

function leavesOf(
  { published, successor, trustList }: DecidingLeaves,
  compact: boolean,
): readonly Pick<DecidingLeaves['published'], 'entry'>[] {
  const own = compact || trustList === undefined ? [published] : [published, trustList]
  return successor === undefined ? own : [...own, successor]
}

/** Derives the statement from the files alone. */
function proveStatement(files: EvidenceFiles, log: NoteVerifier, question: Question): Statement {
  const { list, index, times, compact } = question
  requireOwnList(log, list)
  const entries = provenEntries(files, log)
  const answers = times.map((time) =>
    answer(files, entries, {
      list,
      index,
      time,
      statusIn: compact ? chunkStatus(log) : tokenStatus,
    }),
  )
  return { format: 'carnet-status-evidence/1', log: log.name, list, index, compact, answers }
}

interface Asked {
  readonly list: string
  readonly index: number
  readonly time: NumericDate
}

/** What the files say of an index in the publication that decides. */
type StatusIn = (files: EvidenceFiles, leaves: DecidingLeaves, asked: Asked) => string

function answer(
  files: EvidenceFiles,
  entries: readonly LogEntry[],
  { statusIn, ...asked }: Asked & { statusIn: StatusIn },
): StatusAnswer {
  const { list, time } = asked
  const leaves = findLeaves(entries, { list, time })
  if (leaves === undefined) throw new EvidenceError(`nothing shows what the list said at ${time}`)
  const { published, successor } = leaves
  if (successor !== undefined) checkSuccession(published, successor)
  return {
    time,
    status: statusIn(files, leaves, asked),
    sequence: published.leaf.sequence,
    from: published.leaf.iat,
    ...(successor === undefined ? {} : { until: successor.leaf.iat }),
  }
}

/** By the whole token, under the trust list that was logged before it. */
const tokenStatus: StatusIn = (files, { published: { leaf }, trustList }, { list, index }) => {
  if (trustList === undefined) throw new EvidenceError('no trust list is among the files')
  const token = textOf(files, `token-${leaf.sequence}.jwt`)
  if (sha256Base64url(token) !== leaf.sha256) {
    throw new EvidenceError('a token is not the one that was logged')
  }
  const text = textOf(files, `trust-list-${trustList.entry.index}.jwt`)
  const logged = { leaf: trustList.leaf, text }
  const facts = verifyLoggedToken(token, { list, iat: leaf.iat, trustList: logged })
  if ('rule' in facts) throw new EvidenceError(`a token does not verify: ${facts.detail}`)
  if (facts.exp !== leaf.exp || chunkRoot(facts.list).toString('base64url') !== leaf.root) {
    throw new EvidenceError('a token does not say what its leaf says')
  }
  const status = statusName(facts, index)
  if (status === undefined) throw new EvidenceError('the index lies outside of the list')
  return status
}

/** By the chunk that holds the index, under the root in the leaf. */
function chunkStatus(log: NoteVerifier): StatusIn {
  return (files, { published: { leaf, entry } }, { list: uri, index: idx, time }) => {
    const proof = {
      leaf: entry.bytes,
      tlogProof: textOf(files, `leaf-${entry.index}.tlog-proof`),
      chunkProof: bytesOf(files, `chunk-${leaf.sequence}.bin`),
    }
    return nameOfStatus(checkStatusProof(proof, { vkey: log.vkey, uri, idx, time }).value)
  }
}

/** That no other publication lies between: the next leaf names the one before it. */
function checkSuccession(
  published: DecidingLeaves['published'],
  successor: { readonly leaf: StatusPublished },
): void {
  const leafHash = hashLeaf(published.entry.bytes).toString('base64url')
  const { sequence, previous } = successor.leaf
  if (sequence !== published.leaf.sequence + 1 || previous !== leafHash) {
    throw new EvidenceError('a publication between two others is missing')
  }
}

/** The leaves among the files that a checkpoint of the log proves, in the order of the log. */
function provenEntries(files: EvidenceFiles, log: NoteVerifier): LogEntry[] {
  const entries: LogEntry[] = []
  for (const [name, bytes] of files) {
    const index = /^leaf-(\d+)\.json$/.exec(name)?.[1]
    if (index === undefined) continue
    const proof = textOf(files, `leaf-${index}.tlog-proof`)
    const proven = verifyTlogProof(proof, bytes, log)
    if (proven.index !== Number(index)) throw new EvidenceError(`${name} is another leaf`)
    entries.push({ index: proven.index, bytes })
  }
  return entries.sort((a, b) => a.index - b.index)
}

function fileNames(files: EvidenceFiles, { list, times, compact }: Question): string[] {
  const entries = [...files]
    .filter(([name]) => /^leaf-\d+\.json$/.test(name))
    .map(([name, bytes]) => ({ index: Number(name.slice(5, -5)), bytes }))
    .sort((a, b) => a.index - b.index)
  return times.flatMap((time) => {
    const leaves = findLeaves(entries, { list, time })
    if (leaves === undefined) return []
    const { sequence } = leaves.published.leaf
    const proven = compact
      ? [`chunk-${sequence}.bin`]
      : [`token-${sequence}.jwt`, `trust-list-${leaves.trustList?.entry.index}.jwt`]
    const names = leavesOf(leaves, compact).flatMap(({ entry }) => [
      `leaf-${entry.index}.json`,
      `leaf-${entry.index}.tlog-proof`,
    ])
    return [...names, ...proven]
  })
}

function bytesOf(files: EvidenceFiles, name: string): Buffer {
  const bytes = files.get(name)
  if (bytes === undefined) throw new EvidenceError(`${name} is missing`)
  return bytes
}

function textOf(files: EvidenceFiles, name: string): string {
  return bytesOf(files, name).toString('utf8')
}

/** With a checksum of its own, so that damage to the question is told from another question. It proves nothing. */
function renderStatement(statement: Statement): Buffer {
  const value = statement as unknown as JsonObject
  const sha256 = sha256Base64url(canonicalJson(value))
  return Buffer.from(`${canonicalJson({ ...value, sha256 })}\n`)
}

/** What the statement is about; what it says of that is derived again. */
function readQuestion(manifest: Buffer): Question {
  try {
    const value = parseJsonBytes(manifest)
    if (!isJsonObject(value)) throw new EvidenceError(`${MANIFEST} is not an object`)
    const { list, index, compact, answers } = value
    const times = (answers as readonly JsonObject[]).map(({ time }) => Number(time))
    return { list: String(list), index: Number(index), times, compact: compact === true }
  } catch (cause) {
    throw new EvidenceError(`${MANIFEST} cannot be read`, { cause })
  }
}
