import type { NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { Problem } from '../../shared/problem.ts'
import type { DocumentReading, SelfieReading } from '../evidence/pipeline.ts'

/** What a session has shown so far. It lives in memory alone: an image or a template is never written anywhere. */
export interface Readings {
  /**
   * Reads an image of a session unless that was done. An image that cannot be used may be sent again, a few times.
   * @throws Problem `already_uploaded`, `too_many_requests`, and whatever `read` throws
   */
  readDocument(upload: Upload, read: () => Promise<DocumentReading>): Promise<DocumentReading>
  readSelfie(upload: Upload, read: () => Promise<SelfieReading>): Promise<SelfieReading>
  /** Both readings of a session. @throws Problem `upload_missing` */
  both(sessionId: string): { document: DocumentReading; selfie: SelfieReading }
  /** Which images of a session were read. */
  uploaded(sessionId: string): { document: boolean; selfie: boolean }
  isComplete(sessionId: string): boolean
  forget(sessionId: string): void
  forgetExpired(now: NumericDate): void
}

/** One image of one session. */
export interface Upload {
  readonly sessionId: string
  readonly bytes: Uint8Array
  /** When the session ends, and its readings with it. */
  readonly expiresAt: NumericDate
}

/** Images that a session may send in all, good or bad. */
const MAX_UPLOADS = 10

interface Slot<Reading> {
  readonly sha256: string
  readonly reading: Reading | undefined
}

interface Entry {
  readonly expiresAt: NumericDate
  uploads: number
  document: Slot<DocumentReading> | undefined
  selfie: Slot<SelfieReading> | undefined
}

/** Opens an empty memory. The number of sessions in it is bounded by the number that may be open. */
export function openReadings(): Readings {
  const entries = new Map<string, Entry>()

  const entryOf = ({ sessionId, expiresAt }: Upload): Entry => {
    const entry = entries.get(sessionId) ?? {
      expiresAt,
      uploads: 0,
      document: undefined,
      selfie: undefined,
    }
    entries.set(sessionId, entry)
    return entry
  }

  const reserve = (
    upload: Upload,
    kind: 'document' | 'selfie',
  ): { entry: Entry; sha256: string } => {
    const entry = entryOf(upload)
    const sha256 = sha256Hex(upload.bytes)
    const known = [entry.document?.sha256, entry.selfie?.sha256]
    if (entry[kind] !== undefined || known.includes(sha256)) {
      throw new Problem('already_uploaded', 'go on with the next step')
    }
    if (entry.uploads >= MAX_UPLOADS) {
      throw new Problem('too_many_requests', 'begin a new session')
    }
    entry.uploads += 1
    return { entry, sha256 }
  }

  return {
    readDocument: async (upload, read) => {
      const { entry, sha256 } = reserve(upload, 'document')
      entry.document = { sha256, reading: undefined }
      try {
        const reading = await read()
        entry.document = { sha256, reading }
        return reading
      } catch (error) {
        entry.document = undefined
        throw error
      }
    },
    readSelfie: async (upload, read) => {
      const { entry, sha256 } = reserve(upload, 'selfie')
      entry.selfie = { sha256, reading: undefined }
      try {
        const reading = await read()
        entry.selfie = { sha256, reading }
        return reading
      } catch (error) {
        entry.selfie = undefined
        throw error
      }
    },
    both: (sessionId) => {
      const entry = entries.get(sessionId)
      const document = entry?.document?.reading
      const selfie = entry?.selfie?.reading
      if (document === undefined) {
        throw new Problem('upload_missing', 'upload the image of the document first')
      }
      if (selfie === undefined) throw new Problem('upload_missing', 'upload the selfie first')
      return { document, selfie }
    },
    uploaded: (sessionId) => {
      const entry = entries.get(sessionId)
      return {
        document: entry?.document?.reading !== undefined,
        selfie: entry?.selfie?.reading !== undefined,
      }
    },
    isComplete: (sessionId) => {
      const entry = entries.get(sessionId)
      return entry?.document?.reading !== undefined && entry.selfie?.reading !== undefined
    },
    forget: (sessionId) => {
      entries.delete(sessionId)
    },
    forgetExpired: (now) => {
      for (const [id, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(id)
    },
  }
}
