import type { NumericDate } from '../../shared/clock.ts'
import { Problem } from '../../shared/problem.ts'
import type { SeenDocuments } from '../evidence/document/seen-documents.ts'
import type { FaceBook } from '../evidence/face/face-book.ts'
import type { ErasureReceipt, IssuerStore } from '../store.ts'

/** Where something of a session may be kept. */
export interface ErasureDeps {
  readonly store: Pick<IssuerStore, 'eraseSession'>
  readonly seen?: { readonly store: Pick<SeenDocuments, 'forget'> } | undefined
  readonly faces?: Pick<FaceBook, 'forget'> | undefined
  /** What this server has in memory of sessions. */
  readonly memories: readonly { forget(sessionId: string): void }[]
}

/**
 * Erases all that this issuer keeps of the person of a session. Where an earlier attempt ended in between, what is
 * left in the other stores goes as well, and then the session is not found.
 * @throws Problem `session_not_found`, `erasure_blocked`
 */
export async function eraseSession(
  id: string,
  order: { readonly actor: string; readonly reason: string },
  { store, seen, faces, memories }: ErasureDeps,
  now: NumericDate,
): Promise<ErasureReceipt> {
  const forgetElsewhere = async (): Promise<void> => {
    await seen?.store.forget(id)
    await faces?.forget(id)
    for (const memory of memories) memory.forget(id)
  }
  try {
    const receipt = await store.eraseSession(id, order, now)
    await forgetElsewhere()
    return receipt
  } catch (error) {
    if (error instanceof Problem && error.code === 'session_not_found') await forgetElsewhere()
    throw error
  }
}
