import type { NumericDate } from '../../shared/clock.ts'
import type { EcPublicJwk, Es256Signer } from '../../shared/key/signer.ts'
import type { JournalEntry, PresentationParty } from '../journal/journal.ts'

/** Whom the wallet believes: a signed trust list, where it came from, and the key that must have signed it. */
export interface TrustSource {
  /** A file path or an https address; read again when the list is due. */
  readonly location: string
  readonly signerKey: EcPublicJwk
  readonly token: string
  readonly fetchedAt: NumericDate
}

/** What an offer promises, as it was validated when the worker accepted it. */
export interface AcceptedOffer {
  readonly issuer: string
  readonly issuerName: string
  readonly configurationId: string
  readonly vct: string
  readonly preAuthorizedCode: string
  /** Present when the issuer gave the worker a transaction code on another way. */
  readonly txCode?: TxCodeForm
}

/** What a transaction code looks like. OpenID4VCI 1.0 §4.1.1. */
export interface TxCodeForm {
  readonly inputMode: 'numeric' | 'text'
  readonly length?: number
  readonly description?: string
}

/** An access token, when it stops working, and the name it gives to what it is good for, if any. */
export interface AccessToken {
  readonly value: string
  readonly expiresAt: NumericDate
  readonly credentialIdentifier?: string
}

/**
 * An accepted offer on its way to a credential. Its keys are made when it begins and stay the same, so that going on
 * after an interruption repeats the same request.
 */
export interface Issuance extends AcceptedOffer {
  readonly id: string
  readonly startedAt: NumericDate
  readonly dpopKey: Es256Signer
  readonly holderKeys: readonly Es256Signer[]
  /** Present once the code was redeemed. */
  readonly accessToken?: AccessToken
}

/** One copy as the issuer delivered it, validated, with the holder key that it is bound to. */
export interface ReceivedCopy {
  readonly compact: string
  readonly holderKey: EcPublicJwk
}

/** A batch of copies that say the same, as it is put into the vault. */
export interface ReceivedCredential {
  readonly issuer: string
  readonly issuerName: string
  readonly vct: string
  readonly expires?: NumericDate
  readonly copies: readonly ReceivedCopy[]
}

/** Where a copy stands: free, bound for good to the one verifier that it was or may have been shown to, or retired. */
export interface CopyState {
  readonly id: string
  readonly verifier?: string
  readonly verifierName?: string
  readonly shownAt?: NumericDate
  /** Never shown again, because a vault that this one was restored from may have shown it since. */
  readonly retired?: true
}

/** A credential that the worker holds, in copies that differ in every value a verifier could link. */
export interface HeldCredential {
  readonly id: string
  readonly issuer: string
  readonly issuerName: string
  readonly vct: string
  readonly receivedAt: NumericDate
  readonly expires?: NumericDate
  readonly copies: readonly (CopyState & { readonly compact: string })[]
}

/** A copy taken for one verifier, and what proves possession of its key. */
export interface HolderCopy {
  readonly copyId: string
  readonly credentialId: string
  readonly compact: string
  readonly holder: Es256Signer
}

/** A presentation as the worker consented to it: who gets what. Paths, never values. */
export interface IntendedPresentation extends PresentationParty {
  readonly credentials: readonly {
    readonly credentialId: string
    readonly claims: readonly string[]
  }[]
}

/** What {@link Vault.beginPresentation} answers: all copies, or the first credential that has none left. */
export type TakenCopies =
  | {
      readonly taken: true
      readonly presentationId: string
      readonly copies: readonly HolderCopy[]
    }
  | { readonly taken: false; readonly credentialId: string }

/**
 * Keeps keys, credentials, unfinished issuances and the journal, sealed at rest. Each method is one transaction and is
 * durable when it returns. One process holds a vault at a time; a second one is refused with `vault_in_use`. A process
 * that dies leaves what it had committed, and the vault free for the next.
 */
export interface Vault {
  trust(): Promise<TrustSource | undefined>
  keepTrust(source: TrustSource): Promise<void>

  /** Remembers the offer with fresh keys before anything is sent; an offer begun before is answered as it stands. */
  beginIssuance(offer: AcceptedOffer, copies: number, now: NumericDate): Promise<Issuance>
  issuances(): Promise<readonly Issuance[]>
  keepAccessToken(issuanceId: string, token: AccessToken): Promise<void>
  /** Puts the copies in, ends the issuance, forgets its code, token and unused keys, and writes the journal. */
  completeIssuance(
    issuanceId: string,
    credential: ReceivedCredential,
    now: NumericDate,
  ): Promise<HeldCredential>
  /** Ends the issuance without a credential and writes why. */
  abandonIssuance(issuanceId: string, reason: string, now: NumericDate): Promise<void>

  credentials(): Promise<readonly HeldCredential[]>
  /** Destroys a credential, every copy and every key of it. Answers false when there is none of that id. */
  forget(credentialId: string, now: NumericDate): Promise<boolean>

  /**
   * Binds one copy of each credential to the verifier and writes the intent, before anything leaves. A verifier gets
   * the copy that it has seen; another one never does. Takes all copies or none.
   */
  beginPresentation(intended: IntendedPresentation, now: NumericDate): Promise<TakenCopies>
  endPresentation(
    presentationId: string,
    outcome: 'delivered' | 'failed',
    now: NumericDate,
  ): Promise<void>
  /** Writes that the worker said no. */
  recordRefusal(party: PresentationParty, now: NumericDate): Promise<void>

  journal(): Promise<readonly JournalEntry[]>
  eraseJournal(): Promise<void>

  /** All of the stock as it lies sealed, for a backup: of no use without the vault's key. */
  sealedStock(): Promise<Uint8Array>
  /** Retires every copy that no verifier has seen; those that one has seen stay good for that one. */
  retireFreshCopies(): Promise<void>

  close(): Promise<void>
}

/** Makes and opens the keys that credentials are bound to; the sealed text is PKCS#8. */
export interface HolderKeys {
  generate(): { readonly signer: Es256Signer; readonly pkcs8: string }
  open(pkcs8: string): Es256Signer
}
