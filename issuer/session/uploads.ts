import type { NumericDate } from '../../shared/clock.ts'
import { newIdentifier } from '../../shared/identifier.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'

/** The largest image that is taken, in bytes. */
export const MAX_IMAGE_BYTES: number = 10 * 1024 * 1024
/** Bytes of images that may be in memory at a time, and how many of them may be one caller's. */
const MAX_BYTES_IN_MEMORY = 16 * MAX_IMAGE_BYTES
const MAX_BYTES_OF_CALLER = MAX_BYTES_IN_MEMORY / 2
/** For how long an upload to which nothing is added stays. */
const IDLE_SECONDS = 300
const MAX_UPLOADS_OF_SESSION = 24
const RETRY_SECONDS = 3

/** Room in memory that was set aside for one image. */
export interface Reservation {
  release(): void
}

/** An image that arrives in parts (draft-ietf-httpbis-resumable-upload). It lives in memory alone. */
export interface PartialUpload {
  readonly id: string
  readonly sessionId: string
  /** What the image will be, such as `document`. */
  readonly image: string
  readonly caller: string
  /** Bytes that have arrived. */
  readonly offset: number
  /** Bytes of the whole, where the client has said so. */
  readonly length: number | undefined
  /** Whether the client has said that there is no more. */
  readonly complete: boolean
  /** @throws Problem `upload_length`, `body_too_large` */
  expectLength(length: number): void
  /** Adds what follows `offset`. @throws Problem `body_too_large`, `upload_length` */
  append(bytes: Uint8Array, now: NumericDate): void
  /** All bytes, once they are there. @throws Problem `upload_length` */
  whole(): Buffer
  /** Ends the upload and lets go of its bytes; that it was complete stays known for a while. */
  close(): void
}

/** Images on their way in, bounded in number and bytes, for all and for each caller. */
export interface Uploads {
  /** Sets room aside for one image. @throws Problem `busy`, `body_too_large` */
  reserve(caller: string, bytes: number): Reservation
  /** @throws Problem `busy`, `body_too_large`, `too_many_requests` */
  begin(
    upload: { readonly sessionId: string; readonly image: string; readonly caller: string },
    length: number | undefined,
    now: NumericDate,
  ): PartialUpload
  /** @throws Problem `upload_not_found` */
  find(sessionId: string, id: string): PartialUpload
  /** Those of a session. */
  of(sessionId: string): readonly PartialUpload[]
  remove(upload: PartialUpload): void
  forget(sessionId: string): void
  forgetExpired(now: NumericDate): void
}

interface Entry extends PartialUpload {
  readonly touchedAt: NumericDate
  readonly reservation: Reservation
}

/** Opens an empty memory for images on their way in. */
export function openUploads(random: Random): Uploads {
  const entries = new Map<string, Entry>()
  const { reserve } = openBudget()
  const remove = ({ id }: PartialUpload) => {
    const entry = entries.get(id)
    entry?.close()
    entries.delete(id)
  }
  const of = (sessionId: string) =>
    [...entries.values()].filter((entry) => entry.sessionId === sessionId)

  return {
    reserve,
    begin: (upload, length, now) => {
      const own = of(upload.sessionId)
      for (const earlier of own) if (earlier.image === upload.image) remove(earlier)
      if (of(upload.sessionId).length >= MAX_UPLOADS_OF_SESSION) {
        throw new Problem('too_many_requests', 'begin a new session')
      }
      const reservation = reserve(upload.caller, length ?? MAX_IMAGE_BYTES)
      const id = newIdentifier(random, 16)
      const entry = openEntry({ id, ...upload }, { length, now, reservation })
      entries.set(id, entry)
      return entry
    },
    find: (sessionId, id) => {
      const entry = entries.get(id)
      if (entry?.sessionId !== sessionId) {
        throw new Problem(
          'upload_not_found',
          'uploads live in memory and this one is gone; begin it again with PUT',
        )
      }
      return entry
    },
    of,
    remove,
    forget: (sessionId) => {
      for (const entry of of(sessionId)) remove(entry)
    },
    forgetExpired: (now) => {
      for (const entry of entries.values()) {
        if (entry.touchedAt + IDLE_SECONDS <= now) remove(entry)
      }
    },
  }
}

function openBudget(): Pick<Uploads, 'reserve'> {
  const used = new Map<string, number>()
  let total = 0
  const add = (caller: string, bytes: number) => {
    const sum = (used.get(caller) ?? 0) + bytes
    total += bytes
    if (sum > 0) used.set(caller, sum)
    else used.delete(caller)
  }
  return {
    reserve: (caller, bytes) => {
      if (bytes > MAX_IMAGE_BYTES) throw tooLarge()
      const own = used.get(caller) ?? 0
      if (total + bytes > MAX_BYTES_IN_MEMORY || own + bytes > MAX_BYTES_OF_CALLER) {
        throw new Problem('busy', 'send the image again in a few seconds', {
          retryAfterSeconds: RETRY_SECONDS,
        })
      }
      add(caller, bytes)
      let held = true
      return {
        release: () => {
          if (held) add(caller, -bytes)
          held = false
        },
      }
    },
  }
}

function openEntry(
  identity: Pick<PartialUpload, 'id' | 'sessionId' | 'image' | 'caller'>,
  begun: {
    readonly length: number | undefined
    readonly now: NumericDate
    readonly reservation: Reservation
  },
): Entry {
  const chunks: Uint8Array[] = []
  const state = { offset: 0, length: begun.length, complete: false, touchedAt: begun.now }
  return {
    ...identity,
    reservation: begun.reservation,
    get offset() {
      return state.offset
    },
    get length() {
      return state.length
    },
    get complete() {
      return state.complete
    },
    get touchedAt() {
      return state.touchedAt
    },
    expectLength: (length) => {
      if (length > MAX_IMAGE_BYTES) throw tooLarge()
      if (length < state.offset || (state.length !== undefined && state.length !== length)) {
        throw new Problem('upload_length', 'every request of an upload says the same length')
      }
      state.length = length
    },
    append: (bytes, now) => {
      const end = state.offset + bytes.length
      if (end > MAX_IMAGE_BYTES) throw tooLarge()
      if (end > (state.length ?? MAX_IMAGE_BYTES)) {
        throw new Problem('upload_length', 'the upload is longer than was said')
      }
      if (bytes.length > 0) chunks.push(Uint8Array.from(bytes))
      state.offset = end
      state.touchedAt = now
    },
    whole: () => {
      if (state.length !== undefined && state.offset !== state.length) {
        throw new Problem('upload_length', 'the upload is shorter than was said')
      }
      return Buffer.concat(chunks)
    },
    close: () => {
      state.length = state.offset
      state.complete = true
      chunks.length = 0
      begun.reservation.release()
    },
  }
}

function tooLarge(): Problem {
  return new Problem('body_too_large', `send at most ${MAX_IMAGE_BYTES / 1024 / 1024} MiB`)
}
