import type { Response } from 'express'
import type { Log } from '../log.ts'

/** The log of the request that `response` answers. */
export function logOf(response: Response): Log {
  return response.locals.log
}
