import express, { type RequestHandler } from 'express'
import { JsonError, parseJsonBytes } from '../json.ts'
import { Problem } from '../problem.ts'

/**
 * Reads a JSON body of at most `maxBytes` into `request.body` and refuses another media type, a repeated member,
 * malformed UTF-8 and deep nesting.
 */
export function jsonBody(maxBytes: number): RequestHandler[] {
  return [
    express.raw({ type: () => true, limit: maxBytes }),
    (request, _response, next) => {
      if (!request.is('application/json')) {
        throw new Problem('request_invalid', 'the body must be application/json')
      }
      try {
        request.body = parseJsonBytes(request.body, { maxLength: maxBytes })
      } catch (error) {
        if (!(error instanceof JsonError)) throw error
        throw new Problem('request_invalid', `the body is wrong: ${error.message}`)
      }
      next()
    },
  ]
}

/**
 * Reads a form of at most `maxBytes` into `request.body`, a plain object of texts. RFC 6749 §3.2: "Request and
 * response parameters MUST NOT be included more than once."
 */
export function formBody(maxBytes: number): RequestHandler[] {
  return [
    express.text({ type: () => true, limit: maxBytes }),
    (request, _response, next) => {
      if (!request.is('application/x-www-form-urlencoded')) {
        throw new Problem('request_invalid', 'the body must be application/x-www-form-urlencoded')
      }
      const form: Record<string, string> = Object.create(null)
      for (const [name, value] of new URLSearchParams(request.body)) {
        if (form[name] !== undefined) {
          throw new Problem('request_invalid', 'a parameter is repeated')
        }
        form[name] = value
      }
      request.body = form
      next()
    },
  ]
}

/** The token of `Authorization: Bearer`, if that is what the request carries. RFC 6750 §2.1. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([A-Za-z0-9\-._~+/]{1,512}=*)$/i.exec(authorization ?? '')?.[1]
}
