import { decodeEntry } from '../../shared/audit/entry.ts'
import { AuditError } from '../../shared/audit/error.ts'
import { hashLeaf } from '../../shared/audit/merkle.ts'
import type { NoteVerifier } from '../../shared/audit/note.ts'
import {
  isListOf,
  type StatusPublished,
  statusPublishedEntry,
  statusRetiredEntry,
} from '../../shared/audit/status-leaf.ts'
import { trustListPublishedEntry } from '../../shared/audit/trust-leaf.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { Finding } from './finding.ts'
import { type JudgedPublication, judgeCwt, judgePublication, TOLERANCE_SECONDS } from './judge.ts'
import { type KnownLog, type LogEntry, LogInconsistent, readNewEntries } from './read-log.ts'
import { hasKnownShape } from './rules.ts'
import {
  type ListResponse,
  type PublicSource,
  SourceError,
  TileMissing,
  type TokenForm,
} from './source.ts'
import { type LoggedTrustList, verifyLoggedCwt, verifyLoggedToken } from './token.ts'

/** What an audit has seen so far; the next one goes on from here. */
export interface AuditState {
  readonly known: KnownLog | undefined
  /** When the log was last read, by our own clock. */
  readonly seenAt: NumericDate | undefined
  readonly lists: ReadonlyMap<string, JudgedPublication>
  readonly trustList: LoggedTrustList | undefined
  /** Digests of the tokens that the log names, with their `exp`; forgotten a week after that. */
  readonly tokens: ReadonlyMap<string, NumericDate>
}

const FORGET_AFTER_SECONDS = 7 * 86_400

/** Nothing seen yet. */
export const NEW_AUDIT: AuditState = {
  known: undefined,
  seenAt: undefined,
  lists: new Map(),
  trustList: undefined,
  tokens: new Map(),
}

/** What an audit found, and where the next one begins. */
export interface AuditResult {
  readonly state: AuditState
  readonly findings: readonly Finding[]
  /** New publications that were judged. */
  readonly judged: number
}

/**
 * Reads what the log has new, judges every publication in it, and looks at what the lists serve now. It uses public
 * addresses and the log's key alone, and `now` is our own clock. A log that contradicts itself ends the audit with
 * that one finding; the state stays as it was.
 */
export async function auditOnce(
  source: PublicSource,
  log: NoteVerifier,
  { state, now }: { readonly state: AuditState; readonly now: NumericDate },
): Promise<AuditResult> {
  const result = await readAndJudge(source, log, { state, now })
  const findings = source.privateAddresses().map((address) => ({
    rule: 'private_access' as const,
    detail: `${address} asks who is there or sets a cookie`,
  }))
  return { ...result, findings: [...findings, ...result.findings] }
}

async function readAndJudge(
  source: PublicSource,
  log: NoteVerifier,
  { state, now }: { readonly state: AuditState; readonly now: NumericDate },
): Promise<AuditResult> {
  // What is served is asked for first: a token may only be served when the log has it already.
  const served = await readServed(source, [...state.lists.values()])
  const audit: Progress = {
    origin: log.name,
    lists: new Map(state.lists),
    tokens: new Map(state.tokens),
    trustList: state.trustList,
    findings: [],
    judged: 0,
  }
  let known = state.known
  const catchUp = async (): Promise<void> => {
    const news = await readNewEntries(source, log, known)
    for (const entry of news.entries) {
      await judgeEntry(source, entry, { audit, absentAt: state.seenAt, seenAt: now })
    }
    known = news.known
  }
  try {
    await catchUp()
    const fresh = [...audit.lists.values()].filter(({ leaf }) => !state.lists.has(leaf.list))
    served.push(...(await readServed(source, fresh)))
    // Lists that the log has just named were asked for after it was read, so it is read once more.
    if (fresh.length > 0) await catchUp()
  } catch (error) {
    const finding = logFinding(error, source)
    return { state, findings: finding === undefined ? [] : [finding], judged: 0 }
  }
  for (const list of audit.lists.keys()) judgePunctuality(list, { audit, now })
  for (const answer of served) if (audit.lists.has(answer.list)) judgeServed(answer, audit)
  for (const [sha256, exp] of audit.tokens) {
    if (exp + FORGET_AFTER_SECONDS < now) audit.tokens.delete(sha256)
  }
  const { findings, judged, lists, tokens, trustList } = audit
  return { state: { known, seenAt: now, lists, tokens, trustList }, findings, judged }
}

/** What a log that cannot be read breaks; an address that asks who is there was noted by the source already. */
function logFinding(error: unknown, source: PublicSource): Finding | undefined {
  if (error instanceof LogInconsistent) {
    const { before, after } = error
    return { rule: 'log_inconsistent', detail: error.message, evidence: [before, after] }
  }
  if (error instanceof AuditError || error instanceof TileMissing) {
    return { rule: 'log_malformed', detail: error.message }
  }
  if (error instanceof SourceError && source.privateAddresses().length > 0) return undefined
  throw error
}

interface Progress {
  /** Of the log that is read. */
  readonly origin: string
  readonly lists: Map<string, JudgedPublication>
  readonly tokens: Map<string, NumericDate>
  trustList: LoggedTrustList | undefined
  readonly findings: Finding[]
  judged: number
}

async function judgeEntry(
  source: PublicSource,
  { index, bytes }: LogEntry,
  context: { audit: Progress; absentAt: NumericDate | undefined; seenAt: NumericDate },
): Promise<void> {
  const { audit } = context
  const malformed = (detail: string): void => {
    audit.findings.push({ rule: 'leaf_malformed', detail, leaf: index })
  }
  let entry: ReturnType<typeof decodeEntry>
  try {
    entry = decodeEntry(bytes)
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    malformed(error.message)
    return
  }
  if (entry.type === 'trust-list.published') {
    const leaf = trustListPublishedEntry.safeParse(entry)
    if (!leaf.success) {
      malformed('a trust list leaf has another shape')
      return
    }
    const text = await source.trustList(leaf.data.sha256)
    audit.trustList = text === undefined ? undefined : { leaf: leaf.data, text }
  }
  if (entry.type === 'status.retired') {
    const leaf = statusRetiredEntry.safeParse(entry)
    // What it publishes later would not continue anything, and is found out by its sequence.
    if (leaf.success) audit.lists.delete(leaf.data.list)
    else malformed('the leaf of a retired list has another shape')
  }
  if (!hasKnownShape(entry)) malformed(`a leaf of type ${entry.type} has another shape`)
  if (entry.type !== 'status.published') return
  const leaf = statusPublishedEntry.safeParse(entry)
  if (!leaf.success) {
    malformed('a status list leaf has another shape')
    return
  }
  const { list } = leaf.data
  if (!isListOf(audit.origin, list)) {
    const detail = 'the log speaks of a list of another issuer'
    audit.findings.push({ rule: 'foreign_list', detail, list, leaf: index })
    return
  }
  await judgeLeaf(source, { index, leaf: leaf.data, leafHash: hashLeaf(bytes) }, context)
}

async function judgeLeaf(
  source: PublicSource,
  { index, leaf, leafHash }: { index: number; leaf: StatusPublished; leafHash: Buffer },
  { audit, ...clock }: { audit: Progress; absentAt: NumericDate | undefined; seenAt: NumericDate },
): Promise<void> {
  const token = await source.token(leaf.list, leaf.sha256)
  const { trustList } = audit
  const verified =
    token === undefined
      ? undefined
      : trustList === undefined
        ? { rule: 'wrong_key' as const, detail: 'the log names no trust list before this token' }
        : verifyLoggedToken(token, { list: leaf.list, iat: leaf.iat, trustList })
  const previous = audit.lists.get(leaf.list)
  audit.findings.push(...judgePublication({ index, leaf, previous, token, verified, ...clock }))
  // The last list that verified stays the one to compare with, so that nothing hides behind one bad token.
  const list = verified && 'list' in verified ? verified.list : previous?.list
  audit.lists.set(leaf.list, { leaf, leafHash: leafHash.toString('base64url'), list })
  audit.tokens.set(leaf.sha256, leaf.exp)
  audit.judged++
  if (leaf.cwt_sha256 === undefined) return
  const cwt = await source.cwt(leaf.list, leaf.cwt_sha256)
  const claim = trustList && { list: leaf.list, iat: leaf.iat, trustList }
  audit.findings.push(
    ...judgeCwt({
      index,
      leaf,
      cwt,
      verified: cwt && claim && verifyLoggedCwt(cwt, claim),
      jwt: verified && 'list' in verified ? verified : undefined,
    }),
  )
  audit.tokens.set(leaf.cwt_sha256, leaf.exp)
}

/** What one address answered in one form. */
interface Served {
  readonly list: string
  readonly form: TokenForm
  readonly response: ListResponse | SourceError
}

async function readServed(
  source: PublicSource,
  lists: readonly JudgedPublication[],
): Promise<Served[]> {
  const served: Served[] = []
  for (const { leaf } of lists) {
    const forms: TokenForm[] = ['application/statuslist+jwt']
    if (leaf.cwt_sha256 !== undefined) forms.push('application/statuslist+cwt')
    for (const form of forms) {
      served.push({ list: leaf.list, form, response: await readList(source, leaf.list, form) })
    }
  }
  return served
}

async function readList(
  source: PublicSource,
  list: string,
  form: TokenForm,
): Promise<ListResponse | SourceError> {
  try {
    return await source.list(list, form)
  } catch (cause) {
    return new SourceError(`${list} cannot be reached`, { cause })
  }
}

function judgePunctuality(
  list: string,
  { audit, now }: { audit: Progress; now: NumericDate },
): void {
  const last = audit.lists.get(list)?.leaf
  if (last === undefined || now <= last.iat + last.ttl + TOLERANCE_SECONDS) return
  const detail = `nothing was published since ${last.iat}`
  audit.findings.push({ rule: 'late_publication', detail, list })
}

function judgeServed({ list, form, response }: Served, audit: Progress): void {
  const report = (rule: Finding['rule'], detail: string): void => {
    audit.findings.push({ rule, detail, list })
  }
  if (response instanceof SourceError) {
    report('list_unreachable', response.message)
    return
  }
  if (response.status !== 200) {
    report('token_missing', `the list answered ${response.status}`)
    return
  }
  if (!response.contentType?.startsWith(form)) {
    report('bad_encoding', 'the list is served as another media type')
  }
  if (!audit.tokens.has(sha256Base64url(response.token))) {
    report('unlogged_token', 'the list serves a token that the log does not have')
  }
}
