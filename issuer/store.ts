import type { DossierReader } from '../shared/audit/dossier-leaf.ts'
import type { NumericDate } from '../shared/clock.ts'
import type { IdempotencyKey, KeptAnswer, Once } from '../shared/idempotency/once.ts'
import type { JsonObject } from '../shared/json.ts'
import type { PublicJwk } from '../shared/key/signer.ts'
import type { NotificationEvent } from '../shared/oid4vci/notification.ts'
import type { StatusReference } from '../shared/status-list/reference.ts'
import type { DecisionRecord } from './decision/approval.ts'
import type { Decision } from './decision/decide.ts'
import type { PublishedWorkflow } from './decision/read-workflow.ts'
import type { Review } from './decision/review.ts'
import type { WorkflowReference } from './decision/workflow.ts'
import type { Evidence } from './evidence/evidence.ts'
import type { Screening } from './screening/screen.ts'
import type { DecidedSession, Session } from './session/session.ts'
import type { ReasonClass } from './status/status.ts'

/** An offer that a wallet may still redeem. */
export interface LiveOffer {
  readonly sessionId: string
  readonly expiresAt: NumericDate
}

/** A mark that something was used; it is kept until `expiresAt`, after which the thing itself is refused. */
export interface UsedOnce {
  readonly id: string
  readonly expiresAt: NumericDate
}

/** Rules that were in force from a moment on, with what opens their leaf in the log. */
export interface AdoptedRules {
  readonly leaf: number
  readonly kind: 'workflow' | 'rulebook'
  readonly adoptedAt: NumericDate
  /** What the leaf of a rulebook commits to, and the id, version and digest of a workflow. */
  readonly details: JsonObject
  /** Base64url; only the leaf of a rulebook has one. */
  readonly salt: string | undefined
}

/** What the issuer has bound itself to sign, exactly this and nothing else, until it is done. */
export interface IssuanceIntent {
  readonly issuanceId: string
  /** Rises when other holder keys take the place of keys for which nothing was signed. */
  readonly attempt: number
  /** RFC 7638 thumbprints of the holder keys, in the order of the copies. */
  readonly keys: readonly string[]
  /** One for each copy, each on another list. */
  readonly statuses: readonly StatusReference[]
  /** From which salts and decoys come, so that signing again after a crash gives the same copies. */
  readonly seed: Uint8Array
  readonly issuedAt: NumericDate
  readonly expiresAt: NumericDate
}

/** What opens the leaf of an erasure. It is told once and kept nowhere. */
export interface ErasureReceipt {
  readonly leaf: number
  readonly details: JsonObject
  /** Base64url. */
  readonly salt: string
}

/** Why an intent was not recorded. */
export type IntentRefusal = 'not_approved' | 'redeemed' | 'proof_used'

/**
 * Everything an issuer must not forget. Each method is one transaction, durable when it resolves, and appends the audit
 * entries of what it records in that same transaction. Two processes may use one store.
 */
export interface IssuerStore {
  /** Rejects when the store cannot be read. */
  checkHealth(): Promise<void>

  /**
   * Begins a session under a workflow version; answers false when `maxOpen` sessions are open. Where `once` was kept
   * before, changes nothing and answers it. @throws Problem `idempotency_key_reused`
   */
  openSession(
    session: {
      readonly id: string
      readonly tokenSha256: string
      readonly expiresAt: NumericDate
      readonly workflow: PublishedWorkflow
      readonly maxOpen: number
      /** The name of the key that a platform opened it with. */
      readonly platform?: string | undefined
    },
    now: NumericDate,
    once?: Once,
  ): Promise<boolean | KeptAnswer>
  session(id: string): Promise<Session | undefined>
  /** Ends the collecting of a session with a decision. Answers false, changing nothing, when it has one already. */
  recordDecision(
    id: string,
    facts: {
      readonly evidence: Evidence
      readonly screening: Screening
      readonly decision: Decision
    },
  ): Promise<boolean>
  /** Sessions that wait for a person, the longest first: by when they were decided, then by id. */
  referredSessions(page: {
    readonly limit: number
    readonly after?: readonly [decidedAt: NumericDate, id: string] | undefined
  }): Promise<readonly DecidedSession[]>
  /**
   * Reads the dossier of a decided session for somebody and appends `dossier.opened`, both or neither. Answers
   * `undefined`, appending nothing, when no decided session has this id.
   */
  openDossier(
    id: string,
    reader: { readonly kind: DossierReader; readonly actor: string },
    now: NumericDate,
  ): Promise<DecidedSession | undefined>
  /** Ends a referral. Answers false, changing nothing, when the session is not referred. */
  recordReview(id: string, review: Review): Promise<boolean>

  /**
   * Records an offer of an approved session for which nothing was issued, in place of its earlier offers, whose codes
   * stop working. Answers false when the session is in another state. Where `once` was kept before, changes nothing and
   * answers it. @throws Problem `idempotency_key_reused`
   */
  recordOffer(
    offer: {
      readonly sessionId: string
      /** SHA-256 of the secret in the offer's address, base64url. */
      readonly offerSha256: string
      /** SHA-256 of the pre-authorized code, base64url. */
      readonly codeSha256: string
      /** SHA-256 of code and transaction code, base64url. */
      readonly txCodeSha256: string
      readonly attempts: number
      readonly expiresAt: NumericDate
    },
    now: NumericDate,
    once?: Once,
  ): Promise<boolean | KeptAnswer>
  offer(offerSha256: string, now: NumericDate): Promise<LiveOffer | undefined>

  /**
   * Redeems the approval of a session, marks the key proofs as used, reserves one status index a copy and records what
   * will be signed. While nothing was signed, other keys may take the place of the first ones; when the copies were
   * signed, only the same keys are answered, and with the same intent.
   */
  recordIntent(
    request: {
      readonly sessionId: string
      readonly keys: readonly string[]
      readonly proofs: readonly UsedOnce[]
      readonly issuanceId: string
      readonly seed: Uint8Array
      readonly issuedAt: NumericDate
      readonly expiresAt: NumericDate
      readonly notificationSha256: string
    },
    now: NumericDate,
  ): Promise<{ record: DecisionRecord; intent: IssuanceIntent } | IntentRefusal>
  /** Records that the copies of an attempt were signed and verified. Answers false when another attempt took its place. */
  recordIssued(sessionId: string, attempt: number, now: NumericDate): Promise<boolean>
  /** Records what a wallet reported about a delivery of this session. Answers false for an unknown one. */
  recordNotification(
    sessionId: string,
    notificationSha256: string,
    event: NotificationEvent,
  ): Promise<boolean>

  /**
   * Revokes every copy of a session and answers how many there are; a repeated `key` answers that again.
   * @throws Problem `credential_not_found`, `status_final`, `idempotency_key_reused`
   */
  revoke(
    sessionId: string,
    order: {
      readonly reasonClass: ReasonClass
      readonly actor: string
      readonly note?: string
      /** When the reason was brought up, `now` unless it was before. */
      readonly requestedAt?: NumericDate
      /** Who asked that the holder not be told yet. */
      readonly heldBy?: string
    },
    now: NumericDate,
    key?: IdempotencyKey,
  ): Promise<number>

  /**
   * Erases a session with all that the store keeps of its person, their key among it, and appends `session.erased`, both or
   * neither: the log is as it was, and what it has of the person opens no more.
   * @throws Problem `session_not_found`, `erasure_blocked` while a copy is in force or a notice of one is held back
   */
  eraseSession(
    id: string,
    order: { readonly actor: string; readonly reason: string },
    now: NumericDate,
  ): Promise<ErasureReceipt>

  /** Marks a thing as used. Answers false when it was used before. */
  useOnce(use: UsedOnce, now: NumericDate): Promise<boolean>

  /**
   * Appends `workflow.adopted` and `rulebook.adopted`, each unless it is what was adopted last. `rulebook` names the
   * watchlists and the evidence pipeline with their versions and digests.
   */
  adoptRules(
    rules: { readonly workflow: WorkflowReference; readonly rulebook: JsonObject },
    now: NumericDate,
  ): Promise<void>
  /** Every adoption, the oldest first. */
  adoptedRules(): Promise<readonly AdoptedRules[]>
  /** Archives a signed trust list and appends `trust-list.published`, unless it is the newest already. */
  recordTrustList(jwt: string, signerKey: PublicJwk, now: NumericDate): Promise<void>
  /** An archived trust list by its SHA-256 in base64url. */
  trustList(sha256: string): Promise<string | undefined>
  /** Forgets what has expired: sessions without a decision, offers, marks, kept answers, seeds of copies that were signed. */
  forgetExpired(now: NumericDate): Promise<void>
}
