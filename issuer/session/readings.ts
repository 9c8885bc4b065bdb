import type { NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { Problem } from '../../shared/problem.ts'
import type { DocumentReading, SelfieReading } from '../evidence/pipeline.ts'

/** What the two images of a session give. */
export interface ReadingOf {
  readonly document: DocumentReading
  readonly selfie: SelfieReading
}

/** One image of one session. */
export interface Upload {
  readonly sessionId: string
  readonly bytes: Uint8Array
  /** When the session ends, and its readings with it. */
  readonly expiresAt: NumericDate
}

/** What a session has shown so far. It lives in memory alone: an image or a template is never written anywhere. */
export interface Readings {
  /**
   * Reads an image of a session unless that was done. An image that cannot be used may be sent again, a few times.
   * @throws Problem `already_uploaded`, `too_many_requests`, and whatever `work` throws
   */
  read<Kind extends keyof ReadingOf>(
    kind: Kind,
    upload: Upload,
    work: () => Promise<ReadingOf[Kind]>,
  ): Promise<ReadingOf[Kind]>
  /** Both readings of a session. @throws Problem `upload_missing` */
  both(sessionId: string): ReadingOf
  /** Which images of a session were read. */
  uploaded(sessionId: string): Readonly<Record<keyof ReadingOf, boolean>>
  forget(sessionId: string): void
  forgetExpired(now: NumericDate): void
}

/** Images that a session may send in all, good or bad. */
const MAX_UPLOADS = 10

/** `reading` is absent while the image is being read. */
type Slots = {
  -readonly [Kind in keyof ReadingOf]?: {
    readonly sha256: string
    readonly reading?: ReadingOf[Kind]
  }
}

interface Entry {
  readonly expiresAt: NumericDate
  readonly slots: Slots
  uploads: number
}

/** Opens an empty memory. The number of sessions in it is bounded by the number that may be open. */
export function openReadings(): Readings {
  const entries = new Map<string, Entry>()
  const slotsOf = (sessionId: string): Slots => entries.get(sessionId)?.slots ?? {}
  const uploaded = (sessionId: string) => {
    const { document, selfie } = slotsOf(sessionId)
    return { document: document?.reading !== undefined, selfie: selfie?.reading !== undefined }
  }

  return {
    read: async (kind, upload, work) => {
      const { sessionId, bytes, expiresAt } = upload
      const entry = entries.get(sessionId) ?? { expiresAt, slots: {}, uploads: 0 }
      entries.set(sessionId, entry)
      const sha256 = sha256Hex(bytes)
      reserve(entry, kind, sha256)
      try {
        const reading = await work()
        entry.slots[kind] = { sha256, reading } as Slots[typeof kind]
        return reading
      } catch (error) {
        delete entry.slots[kind]
        throw error
      }
    },
    both: (sessionId) => {
      const { document, selfie } = slotsOf(sessionId)
      if (document?.reading === undefined) {
        throw new Problem('upload_missing', 'upload the image of the document first')
      }
      if (selfie?.reading === undefined) {
        throw new Problem('upload_missing', 'upload the selfie first')
      }
      return { document: document.reading, selfie: selfie.reading }
    },
    uploaded,
    forget: (sessionId) => {
      entries.delete(sessionId)
    },
    forgetExpired: (now) => {
      for (const [id, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(id)
    },
  }
}

/** Takes the place of an image before it is read, so that of two that come at once one is read. */
function reserve(entry: Entry, kind: keyof ReadingOf, sha256: string): void {
  const known = Object.values(entry.slots).map((slot) => slot.sha256)
  if (entry.slots[kind] !== undefined || known.includes(sha256)) {
    throw new Problem('already_uploaded', 'go on with the next step')
  }
  if (entry.uploads >= MAX_UPLOADS) throw new Problem('too_many_requests', 'begin a new session')
  entry.uploads += 1
  entry.slots[kind] = { sha256 }
}
