import type { Request, Response } from 'express'
import { Problem } from '../../shared/problem.ts'
import type { Progress, ProgressEvent } from './progress.ts'

/** How often a stream says that it is there, and for how long one lasts before the client comes back for the rest. */
const HEARTBEAT_MS = 10_000
const STREAM_MS = 120_000
const RECONNECT_MS = 1000
const RETRY_SECONDS = 5

/**
 * Answers with server-sent events (WHATWG HTML §9.2): first what happened since `Last-Event-ID`, then what happens. The
 * stream ends with the decision, when the server stops, and after two minutes, when the client asks for the rest.
 * @throws Problem `busy`
 */
export function streamProgress(
  { request, response }: { request: Request; response: Response },
  { progress, sessionId, decided }: { progress: Progress; sessionId: string; decided: boolean },
): void {
  const missed = progress.since(sessionId, lastEventId(request))
  if (decided && missed.length === 0) {
    // What tells an event source that there is no more to come.
    response.set('Cache-Control', 'no-store').status(204).end()
    return
  }
  const follow = progress.follow(sessionId, {
    onEvent: (event) => {
      write(event)
      if (event.step === 'decided') end()
    },
    onEnd: () => end(),
  })
  if (!follow) {
    throw new Problem('busy', 'poll the session instead', { retryAfterSeconds: RETRY_SECONDS })
  }
  const heartbeat = setInterval(() => response.write(': here\n\n'), HEARTBEAT_MS)
  const last = setTimeout(() => end(), STREAM_MS)

  function end(): void {
    clearInterval(heartbeat)
    clearTimeout(last)
    follow?.()
    response.end()
  }
  function write({ number, step, at, data }: ProgressEvent): void {
    const text = JSON.stringify({ ...data, at })
    response.write(`id: ${number}\nevent: ${step}\ndata: ${text}\n\n`)
  }

  response.once('close', end)
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  })
  response.write(`retry: ${RECONNECT_MS}\n\n`)
  for (const event of missed) write(event)
  if (decided) end()
}

function lastEventId(request: Request): number {
  const given = /^\d{1,9}$/.exec(request.get('Last-Event-ID') ?? '')?.[0]
  return given === undefined ? 0 : Number(given)
}
