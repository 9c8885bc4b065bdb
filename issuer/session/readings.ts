import type { NumericDate } from '../../shared/clock.ts'
import { sha256Hex } from '../../shared/hash.ts'
import { Problem, type ProblemCode } from '../../shared/problem.ts'
import { CLIP_FRAMES, type FrameReading } from '../evidence/face/clip.ts'
import type { DocumentBackReading, DocumentReading, SelfieReading } from '../evidence/pipeline.ts'

type FrameName = `frame-${number}`

/** What each image of a session gives: two that are needed, the back of a card, and the frames of a clip. */
export interface ReadingOf extends Readonly<Record<FrameName, FrameReading>> {
  readonly document: DocumentReading
  readonly 'document-back': DocumentBackReading
  readonly selfie: SelfieReading
}

/** The names of all images that a session takes, as they stand in addresses. */
export const IMAGES: readonly (keyof ReadingOf)[] = [
  'document',
  'document-back',
  'selfie',
  ...Array.from({ length: CLIP_FRAMES.most }, (_, i): FrameName => `frame-${i + 1}`),
]

/** All that was read of a session. */
export interface SessionReadings {
  readonly document: DocumentReading
  readonly back: DocumentBackReading | undefined
  /** With its clip, where one was taken. */
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
   * Reads an image of a session; the same image again is answered with the reading that there is. Another one takes the
   * place of the first, as when it is blurred. A few images may be sent in all.
   * @throws Problem `already_uploaded`, `too_many_requests`, and whatever `work` throws
   */
  read<Kind extends keyof ReadingOf>(
    kind: Kind,
    upload: Upload,
    work: () => Promise<ReadingOf[Kind]>,
  ): Promise<ReadingOf[Kind]>
  /** All readings of a session. @throws Problem `upload_missing` */
  all(sessionId: string): SessionReadings
  /** Whether an image of a session was read. */
  isRead(sessionId: string, kind: keyof ReadingOf): boolean
  forget(sessionId: string): void
  forgetExpired(now: NumericDate): void
}

/** Images that a session may send in all, good or bad, and frames beside them. */
const MAX_UPLOADS = 10
const MAX_FRAMES = 2 * CLIP_FRAMES.most

interface Slot<Reading> {
  readonly sha256: string
  readonly reading: Promise<Reading>
  /** Whether the reading is there. */
  done?: Reading
}

type Slots = { [Kind in keyof ReadingOf]?: Slot<ReadingOf[Kind]> }

interface Entry {
  readonly expiresAt: NumericDate
  readonly slots: Slots
  uploads: number
  frames: number
}

/** Opens an empty memory. The number of sessions in it is bounded by the number that may be open. */
export function openReadings(): Readings {
  const entries = new Map<string, Entry>()
  const slotsOf = (sessionId: string): Slots => entries.get(sessionId)?.slots ?? {}

  return {
    read: async (kind, upload, work) => {
      const { sessionId, bytes, expiresAt } = upload
      const entry = entries.get(sessionId) ?? { expiresAt, slots: {}, uploads: 0, frames: 0 }
      entries.set(sessionId, entry)
      const sha256 = sha256Hex(bytes)
      const known = entry.slots[kind]
      if (known?.sha256 === sha256) return await known.reading
      refuseWhatDoesNotFit(entry, kind, sha256)
      return await readInto(entry, kind, { sha256, reading: work() })
    },
    all: (sessionId) => {
      const slots = slotsOf(sessionId)
      const { document, selfie } = slots
      if (document?.done === undefined) {
        throw new Problem('upload_missing', 'upload the image of the document first')
      }
      if (selfie?.done === undefined) {
        throw new Problem('upload_missing', 'upload the selfie first')
      }
      const frames = Object.entries(slots).flatMap(([name, slot]) =>
        isFrame(name) && slot?.done ? [slot.done as FrameReading] : [],
      )
      if (frames.length > 0 && frames.length < CLIP_FRAMES.least) {
        const detail = `a clip has ${CLIP_FRAMES.least} frames or more; upload the others`
        throw new Problem('upload_missing', detail)
      }
      return {
        document: document.done,
        back: slots['document-back']?.done,
        selfie: frames.length > 0 ? { ...selfie.done, frames } : selfie.done,
      }
    },
    isRead: (sessionId, kind) => slotsOf(sessionId)[kind]?.done !== undefined,
    forget: (sessionId) => {
      entries.delete(sessionId)
    },
    forgetExpired: (now) => {
      for (const [id, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(id)
    },
  }
}

/** Takes the place of an image before it is read, so that of two that come at once one is read. */
async function readInto<Kind extends keyof ReadingOf>(
  entry: Entry,
  kind: Kind,
  slot: Slot<ReadingOf[Kind]>,
): Promise<ReadingOf[Kind]> {
  const before = entry.slots[kind]
  entry.slots[kind] = slot as Slots[Kind]
  const counter = isFrame(kind) ? 'frames' : 'uploads'
  entry[counter] += 1
  try {
    slot.done = await slot.reading
    return slot.done
  } catch (error) {
    // What cannot be used leaves what there was; what was not looked at costs no attempt.
    if (before) entry.slots[kind] = before
    else delete entry.slots[kind]
    if (error instanceof Problem && NOT_LOOKED_AT.has(error.code)) entry[counter] -= 1
    throw error
  }
}

const NOT_LOOKED_AT: ReadonlySet<ProblemCode> = new Set(['too_many_requests', 'busy'])

function refuseWhatDoesNotFit(entry: Entry, kind: keyof ReadingOf, sha256: string): void {
  const { slots } = entry
  if (slots[kind] !== undefined && slots[kind].done === undefined) {
    throw new Problem('already_uploaded', 'an image is being read; send this one when it was')
  }
  // Frames that are the same are for the clip to judge.
  if (!isFrame(kind) && Object.values(slots).some((slot) => slot?.sha256 === sha256)) {
    throw new Problem('already_uploaded', 'this is the other image; send the one that is missing')
  }
  const isFull = isFrame(kind) ? entry.frames >= MAX_FRAMES : entry.uploads >= MAX_UPLOADS
  if (isFull) throw new Problem('too_many_requests', 'begin a new session')
}

function isFrame(name: string): name is FrameName {
  return name.startsWith('frame-')
}
