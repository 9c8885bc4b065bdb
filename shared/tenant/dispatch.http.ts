import type { RequestListener } from 'node:http'
import { authorityOf } from '../http/authority.ts'

/**
 * Gives each request to the application whose authority it is for, exactly as it says it, and any other to `elsewhere`.
 * An application never sees a request for another one's authority.
 */
export function dispatchByAuthority(
  applications: ReadonlyMap<string, RequestListener>,
  elsewhere: RequestListener,
): RequestListener {
  return (request, response) => {
    const authority = authorityOf(request)
    const application = authority === undefined ? undefined : applications.get(authority)
    const answer = application ?? elsewhere
    answer(request, response)
  }
}
