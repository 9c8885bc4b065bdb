import type { NumericDate } from '../../shared/clock.ts'
import type { JsonObject } from '../../shared/json.ts'

/** What can happen in a session, in the order in which it does for one image. */
export type ProgressStep =
  | 'image_received'
  | 'image_reading'
  | 'image_read'
  | 'image_refused'
  | 'evidence_collected'
  | 'decided'

/** One thing that happened. Numbers rise by one within a session. */
export interface ProgressEvent {
  readonly number: number
  readonly step: ProgressStep
  readonly at: NumericDate
  /** What the worker is told of it: the image, codes, the state. Nothing that the session's view does not show. */
  readonly data: JsonObject
}

/** What happens in sessions, told to whoever follows one and kept in memory for who comes back. */
export interface Progress {
  tell(sessionId: string, step: ProgressStep, data: JsonObject, now: NumericDate): void
  /** What happened after event `number`, as far as it is kept. */
  since(sessionId: string, number: number): readonly ProgressEvent[]
  /** Calls for each event from now on until the answer is called; answers undefined when too many follow. */
  follow(
    sessionId: string,
    listener: { onEvent(event: ProgressEvent): void; onEnd(): void },
  ): (() => void) | undefined
  forget(sessionId: string): void
  /** Ends every following, as a server does that stops. */
  close(): void
}

const MAX_EVENTS = 64
const MAX_SESSIONS = 4096
const MAX_FOLLOWERS = 512
const MAX_FOLLOWERS_OF_SESSION = 4

type Listener = Parameters<Progress['follow']>[1]

interface Entry {
  readonly events: ProgressEvent[]
  readonly listeners: Set<Listener>
  next: number
}

/** Opens an empty memory of what happens. The session that was told of the longest ago is forgotten first. */
export function openProgress(): Progress {
  const entries = new Map<string, Entry>()
  let followers = 0
  const entryOf = (sessionId: string): Entry => {
    const known = entries.get(sessionId) ?? { events: [], listeners: new Set(), next: 1 }
    entries.delete(sessionId)
    entries.set(sessionId, known)
    for (const [id, { listeners }] of entries) {
      if (entries.size <= MAX_SESSIONS) break
      if (listeners.size === 0) entries.delete(id)
    }
    return known
  }

  return {
    tell: (sessionId, step, data, now) => {
      const entry = entryOf(sessionId)
      const event = { number: entry.next, step, at: now, data }
      entry.next += 1
      entry.events.push(event)
      if (entry.events.length > MAX_EVENTS) entry.events.shift()
      for (const listener of entry.listeners) listener.onEvent(event)
    },
    since: (sessionId, number) =>
      (entries.get(sessionId)?.events ?? []).filter((event) => event.number > number),
    follow: (sessionId, listener) => {
      const { listeners } = entryOf(sessionId)
      if (followers >= MAX_FOLLOWERS || listeners.size >= MAX_FOLLOWERS_OF_SESSION) return undefined
      listeners.add(listener)
      followers += 1
      return () => {
        if (listeners.delete(listener)) followers -= 1
      }
    },
    forget: (sessionId) => {
      for (const listener of entries.get(sessionId)?.listeners ?? []) listener.onEnd()
      entries.delete(sessionId)
    },
    close: () => {
      for (const { listeners } of entries.values()) {
        for (const listener of [...listeners]) listener.onEnd()
      }
    },
  }
}
