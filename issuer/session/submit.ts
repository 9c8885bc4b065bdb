import type { NumericDate } from '../../shared/clock.ts'
import { decide } from '../decision/decide.ts'
import {
  type SeenDocuments,
  seenWarnings,
  sightingOf,
} from '../evidence/document/seen-documents.ts'
import type { Evidence } from '../evidence/evidence.ts'
import { type FaceBook, withFaceSearch } from '../evidence/face/face-book.ts'
import type { DocumentReading, EvidencePipeline } from '../evidence/pipeline.ts'
import { screen } from '../screening/screen.ts'
import type { Watchlist } from '../screening/watchlist.ts'
import type { IssuerStore } from '../store.ts'
import type { Readings } from './readings.ts'
import type { CollectingSession, DecidedSession } from './session.ts'

/** Where an issuer keeps what it has seen, under which key and for how long. */
export interface SeenBook {
  readonly store: SeenDocuments
  readonly key: Uint8Array
  readonly seconds: number
}

/** What a submission works with. */
export interface SubmitDeps {
  readonly store: IssuerStore
  readonly readings: Readings
  readonly collect: EvidencePipeline['collect']
  readonly watchlists: readonly Watchlist[]
  /** Documents and portraits that were seen before; none where the issuer keeps none. */
  readonly seen?: SeenBook | undefined
  /** Faces that are kept for searching; none where the issuer keeps none. */
  readonly faces?: Pick<FaceBook, 'search' | 'forget'> | undefined
  /** Told when there is evidence, before it is screened. */
  readonly onCollected?: () => void
}

/** Collects, screens and decides what a session showed, records it as one, and forgets what was in memory. */
export async function submitSession(
  session: CollectingSession,
  deps: SubmitDeps,
  now: NumericDate,
): Promise<DecidedSession> {
  const { store, readings, collect, watchlists } = deps
  const { id, workflow, workflowReference } = session
  if (!readings.isRead(id, 'document') || !readings.isRead(id, 'selfie')) {
    // Another request may have decided since this one looked.
    const meanwhile = await store.session(id)
    if (meanwhile !== undefined && meanwhile.state !== 'collecting') return meanwhile
  }
  const { document, selfie, back } = readings.all(id)
  const collected = collect(document, selfie, now, back)
  const unsearched = await withSeen(collected, { id, document, seen: deps.seen, now })
  const found = await deps.faces?.search(
    { sessionId: id, face: selfie.face, document: collected.document },
    now,
  )
  const evidence = found ? withFaceSearch(unsearched, found) : unsearched
  deps.onCollected?.()
  const screening = screen(evidence, watchlists, { threshold: workflow.screening.threshold, now })
  const decision = decide(evidence, screening, { workflow, reference: workflowReference }, now)
  await store.recordDecision(id, { evidence, screening, decision })
  readings.forget(id)
  // Where another request was first, its decision stands.
  return decided(await store.session(id))
}

/** The evidence with a warning where its document or portrait was seen with other data. */
async function withSeen(
  evidence: Evidence,
  {
    id,
    document,
    seen,
    now,
  }: {
    readonly id: string
    readonly document: DocumentReading
    readonly seen: SeenBook | undefined
    readonly now: NumericDate
  },
): Promise<Evidence> {
  const { portrait } = document
  const sighting =
    seen && sightingOf(seen.key, { sessionId: id, document: evidence.document, portrait })
  if (!seen || !sighting) return evidence
  const before = await seen.store.see(sighting, now + seen.seconds, now)
  return { ...evidence, warnings: [...evidence.warnings, ...seenWarnings(before)] }
}

function decided(session: Awaited<ReturnType<IssuerStore['session']>>): DecidedSession {
  if (session === undefined || session.state === 'collecting') {
    throw new Error('a decision that was recorded is not there')
  }
  return session
}
