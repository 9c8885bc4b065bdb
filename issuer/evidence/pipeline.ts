import type { NumericDate } from '../../shared/clock.ts'
import type { DocumentSide } from './document/document-side.ts'
import type {
  DocumentEvidence,
  Evidence,
  ModelReference,
  Score,
  Sign,
  Warning,
} from './evidence.ts'
import type { FrameReading } from './face/clip.ts'
import type { FaceTemplate } from './face/embed.ts'
import type { FaceQuality } from './face/quality.ts'

/** What an image of a document's front showed. Template and reading stay in memory. */
export interface DocumentReading {
  readonly side: DocumentSide
  readonly signs: readonly Sign[]
  /** What this side says by itself. */
  readonly document: DocumentEvidence
  /** The portrait on the document. */
  readonly portrait: FaceTemplate
  readonly quality: FaceQuality
  readonly warnings: readonly Warning[]
}

/** What an image of a document's back showed. */
export interface DocumentBackReading {
  readonly side: DocumentSide
  readonly signs: readonly Sign[]
  /** What this side says by itself; both together say more. */
  readonly warnings: readonly Warning[]
}

/** What a selfie showed. Template and reading stay in memory. */
export interface SelfieReading {
  readonly face: FaceTemplate
  readonly quality: FaceQuality
  /** Passive liveness of the still, 0 to 1. */
  readonly liveness: number
  readonly warnings: readonly Warning[]
  /** Three frames or more of a clip that was taken with it. */
  readonly frames?: readonly FrameReading[]
}

/** What a portrait showed that an issuer signed, such as the one in a credential or a chip. */
export interface PortraitReading {
  readonly face: FaceTemplate
  readonly quality: FaceQuality
}

/** Whose turn a reading is, and who wants to know that it has come. */
export interface Turn {
  /** Whose share of the queue it is, where several issuers use one pipeline. */
  readonly tenant?: string
  /** Who shares the queue, such as a platform; no caller can fill it alone. */
  readonly caller?: string
  /** Called when the reading begins. */
  readonly onStart?: () => void
}

/**
 * Turns images into evidence. The networks are opened once and checked by digest; what is uploaded is kept nowhere. An
 * image that cannot be used throws a Problem that says what to send instead, and harms no other session; when too much
 * waits already, `too_many_requests` says when to come back.
 */
export interface EvidencePipeline {
  /** Changes whenever a network, a threshold or a rule does; every later credential names it. */
  readonly version: string
  readonly models: readonly ModelReference[]
  /** The first network that compares faces by cosine: a search 1:N needs templates of unit length. */
  readonly searchModel: ModelReference | undefined
  readDocument(upload: Uint8Array, now: NumericDate, turn?: Turn): Promise<DocumentReading>
  readDocumentBack(upload: Uint8Array, now: NumericDate, turn?: Turn): Promise<DocumentBackReading>
  readSelfie(upload: Uint8Array, turn?: Turn): Promise<SelfieReading>
  /** One frame of a clip, as a still. */
  readFrame(upload: Uint8Array, turn?: Turn): Promise<FrameReading>
  /** A portrait that an issuer signed; it may be as small as 120 pixels. */
  readPortrait(upload: Uint8Array, turn?: Turn): Promise<PortraitReading>
  /** The selfie against such a portrait, on limits of its own. */
  matchPortrait(portrait: PortraitReading, selfie: SelfieReading): Score
  /** Compares and sums up. The same readings give the same evidence. `back` is that of a document with two sides. */
  collect(
    document: DocumentReading,
    selfie: SelfieReading,
    now: NumericDate,
    back?: DocumentBackReading,
  ): Evidence
  close(): Promise<void>
}

/** What of it a proofing session works with. */
export type SessionPipeline = Pick<
  EvidencePipeline,
  'readDocument' | 'readDocumentBack' | 'readSelfie' | 'readFrame' | 'collect'
>
