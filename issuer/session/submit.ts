import type { NumericDate } from '../../shared/clock.ts'
import { decide } from '../decision/decide.ts'
import type { EvidencePipeline } from '../evidence/pipeline.ts'
import { screen } from '../screening/screen.ts'
import type { Watchlist } from '../screening/watchlist.ts'
import type { IssuerStore } from '../store.ts'
import type { Readings } from './readings.ts'
import type { CollectingSession, DecidedSession } from './session.ts'

/** Collects, screens and decides what a session showed, records it as one, and forgets what was in memory. */
export async function submitSession(
  session: CollectingSession,
  deps: {
    readonly store: IssuerStore
    readonly readings: Readings
    readonly collect: EvidencePipeline['collect']
    readonly watchlists: readonly Watchlist[]
    /** Told when there is evidence, before it is screened. */
    readonly onCollected?: () => void
  },
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
  const evidence = collect(document, selfie, now, back)
  deps.onCollected?.()
  const screening = screen(evidence, watchlists, { threshold: workflow.screening.threshold, now })
  const decision = decide(evidence, screening, { workflow, reference: workflowReference }, now)
  await store.recordDecision(id, { evidence, screening, decision })
  readings.forget(id)
  // Where another request was first, its decision stands.
  return decided(await store.session(id))
}

function decided(session: Awaited<ReturnType<IssuerStore['session']>>): DecidedSession {
  if (session === undefined || session.state === 'collecting') {
    throw new Error('a decision that was recorded is not there')
  }
  return session
}
