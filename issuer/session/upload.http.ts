import type { Request, RequestHandler, Response } from 'express'
import type { Clock } from '../../shared/clock.ts'
import { sha256 } from '../../shared/hash.ts'
import { Problem } from '../../shared/problem.ts'
import { callerOf } from './caller.http.ts'
import type { CollectingSession } from './session.ts'
import { MAX_IMAGE_BYTES, type PartialUpload, type Uploads } from './uploads.ts'

/** What an image becomes once the whole of it is there. */
export type Finish = (
  image: string,
  bytes: Buffer,
  answer: { readonly request: Request; readonly response: Response },
) => Promise<void>

export interface UploadDeps {
  readonly uploads: Uploads
  readonly issuer: string
  readonly clock: Clock
  readonly finish: Finish
}

/** One request writes to an upload at a time; who comes later ends who came before, whose connection may be dead. */
export interface UploadEndpoints {
  /** Takes a whole image, or begins one that comes in parts. */
  readonly put: (imageOf: (request: Request) => string) => RequestHandler
  readonly head: RequestHandler
  readonly patch: RequestHandler
  readonly cancel: RequestHandler
  readonly options: RequestHandler
}

const LIMITS = `max-size=${MAX_IMAGE_BYTES}, max-append-size=${MAX_IMAGE_BYTES}`
const PARTIAL_UPLOAD = 'application/partial-upload'

/**
 * Uploads that go on where they broke off (draft-ietf-httpbis-resumable-upload). Every handler expects the collecting
 * session in `response.locals.session`. Bounds are compared before anything is read.
 */
export function uploadEndpoints({ uploads, issuer, clock, finish }: UploadDeps): UploadEndpoints {
  const writers = new Map<string, Request>()

  async function write(upload: PartialUpload, request: Request): Promise<void> {
    writers.get(upload.id)?.destroy()
    writers.set(upload.id, request)
    try {
      await appendTo(upload, request, clock)
    } finally {
      if (writers.get(upload.id) === request) writers.delete(upload.id)
    }
  }

  async function complete(
    upload: PartialUpload,
    answer: { request: Request; response: Response },
  ): Promise<void> {
    const { request, response } = answer
    const bytes = upload.whole()
    response.set('Upload-Complete', '?1').set('Upload-Offset', String(upload.offset))
    try {
      checkDigest(request, 'Repr-Digest', bytes)
      await finish(upload.image, bytes, answer)
      upload.close()
    } catch (error) {
      // What could not be looked at now is still here; an empty last part asks again.
      if (isAboutTime(error)) response.set('Upload-Complete', '?0')
      else upload.close()
      throw error
    }
  }

  function found(request: Request, response: Response): PartialUpload {
    const upload = uploads.find(sessionOf(response).id, String(request.params.upload))
    const writer = writers.get(upload.id)
    if (writer && writer !== request) writer.destroy()
    return upload
  }

  return {
    put: (imageOf) => async (request, response) => {
      const image = imageOf(request)
      const session = sessionOf(response)
      const caller = callerOf(request, session)
      if (booleanField(request, 'Upload-Complete') !== false) {
        await takeWhole(image, { request, response }, { uploads, caller, finish })
        return
      }
      refuseLength(response, integerField(request, 'Upload-Length') ?? contentLength(request) ?? 0)
      const length = integerField(request, 'Upload-Length')
      const upload = uploads.begin({ sessionId: session.id, image, caller }, length, clock())
      await write(upload, request)
      describe(response, upload)
        .status(201)
        .location(`${issuer}/sessions/${session.id}/uploads/${upload.id}`)
        .json({ upload: upload.id, offset: upload.offset })
    },
    head: (request, response) => {
      describe(response, found(request, response)).status(204).end()
    },
    patch: async (request, response) => {
      const upload = found(request, response)
      const isLast = booleanField(request, 'Upload-Complete')
      const offset = integerField(request, 'Upload-Offset')
      if (!request.is(PARTIAL_UPLOAD) || isLast === undefined || offset === undefined) {
        const wanted = `${PARTIAL_UPLOAD} with Upload-Offset and Upload-Complete`
        throw new Problem('request_invalid', `a part is ${wanted}`)
      }
      if (upload.complete) {
        response.set('Upload-Complete', '?1').set('Upload-Offset', String(upload.offset))
        throw new Problem('upload_completed', 'look at the session for what became of it')
      }
      if (offset !== upload.offset) {
        response.set('Upload-Offset', String(upload.offset))
        throw new Problem('upload_offset', `send what follows byte ${upload.offset}`)
      }
      const size = contentLength(request)
      refuseLength(response, upload.offset + (size ?? 0))
      const said = integerField(request, 'Upload-Length')
      if (said !== undefined) upload.expectLength(said)
      if (isLast && size !== undefined) upload.expectLength(upload.offset + size)
      await write(upload, request)
      if (isLast) await complete(upload, { request, response })
      else describe(response, upload).status(204).end()
    },
    cancel: (request, response) => {
      uploads.remove(found(request, response))
      response.set('Cache-Control', 'no-store').status(204).end()
    },
    options: (_request, response) => {
      response.set('Accept-Patch', PARTIAL_UPLOAD).set('Upload-Limit', LIMITS).status(204).end()
    },
  }
}

function isAboutTime(error: unknown): boolean {
  return error instanceof Problem && (error.code === 'too_many_requests' || error.code === 'busy')
}

/** An image in one request: in memory until it is read, and counted while it is. */
async function takeWhole(
  image: string,
  answer: { readonly request: Request; readonly response: Response },
  { uploads, caller, finish }: Pick<UploadDeps, 'uploads' | 'finish'> & { readonly caller: string },
): Promise<void> {
  const { request, response } = answer
  const size = contentLength(request)
  refuseLength(response, size ?? 0)
  const room = uploads.reserve(caller, size ?? MAX_IMAGE_BYTES)
  try {
    const bytes = await wholeBody(request)
    if (bytes.length === 0) {
      throw new Problem('request_invalid', 'the body must be the image itself')
    }
    checkDigest(request, 'Content-Digest', bytes)
    checkDigest(request, 'Repr-Digest', bytes)
    await finish(image, bytes, answer)
  } finally {
    room.release()
  }
}

/** A part with a digest is added whole or not at all; of one without, what has come before the line broke. */
async function appendTo(upload: PartialUpload, request: Request, clock: Clock): Promise<void> {
  if (request.get('Content-Digest') !== undefined) {
    const bytes = await wholeBody(request)
    checkDigest(request, 'Content-Digest', bytes)
    upload.append(bytes, clock())
    return
  }
  for await (const chunk of chunksOf(request)) upload.append(chunk, clock())
}

async function wholeBody(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of chunksOf(request)) {
    size += chunk.length
    if (size > MAX_IMAGE_BYTES) {
      throw new Problem('body_too_large', `send at most ${MAX_IMAGE_BYTES / 1024 / 1024} MiB`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function* chunksOf(request: Request): AsyncGenerator<Buffer> {
  try {
    // A refusal still has to reach the client, so the stream is not destroyed with the loop.
    yield* request.iterator({ destroyOnReturn: false })
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('request_invalid', 'the line broke; ask for the offset and go on', { cause })
  }
}

/** RFC 9530 §2 and §3, for the one algorithm that we compute. Another one alone is left unchecked, as the RFC has it. */
function checkDigest(
  request: Request,
  field: 'Content-Digest' | 'Repr-Digest',
  bytes: Buffer,
): void {
  const expected = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(request.get(field) ?? '')?.[1]
  if (expected === undefined) return
  if (sha256(bytes).toString('base64') !== expected) {
    throw new Problem('digest_mismatch', 'it was damaged on its way; send it again')
  }
}

function describe(response: Response, upload: PartialUpload): Response {
  const { complete, offset, length } = upload
  if (length !== undefined) response.set('Upload-Length', String(length))
  return response
    .set('Upload-Complete', complete ? '?1' : '?0')
    .set('Upload-Offset', String(offset))
    .set('Upload-Limit', LIMITS)
    .set('Cache-Control', 'no-store')
}

function refuseLength(response: Response, bytes: number): void {
  if (bytes <= MAX_IMAGE_BYTES) return
  response.set('Upload-Limit', LIMITS)
  throw new Problem('body_too_large', `send at most ${MAX_IMAGE_BYTES / 1024 / 1024} MiB`)
}

/** RFC 9651 §3.3.6; another value is as if the field were not there. */
function booleanField(request: Request, name: string): boolean | undefined {
  const value = request.get(name)?.trim()
  return value === '?1' ? true : value === '?0' ? false : undefined
}

/** RFC 9651 §3.3.1, not negative; another value is as if the field were not there. */
function integerField(request: Request, name: string): number | undefined {
  const digits = /^\d{1,15}$/.exec(request.get(name)?.trim() ?? '')?.[0]
  return digits === undefined ? undefined : Number(digits)
}

function contentLength(request: Request): number | undefined {
  return integerField(request, 'Content-Length')
}

function sessionOf(response: Response): CollectingSession {
  return response.locals.session as CollectingSession
}
