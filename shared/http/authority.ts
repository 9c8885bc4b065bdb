import type { IncomingMessage } from 'node:http'

/**
 * The authority that a request is for: that of its target where it is in absolute form, which has to be the one that
 * `Host` says, else that of `Host`. `undefined` where there is no `Host`, more than one, or another than in the target.
 * What a proxy says of the host that it was asked for is not looked at. RFC 9112 §3.2.
 */
export function authorityOf({
  rawHeaders,
  headers,
  url = '',
}: Pick<IncomingMessage, 'rawHeaders' | 'headers' | 'url'>): string | undefined {
  let said = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'host') said += 1
  }
  const { host } = headers
  if (said !== 1 || host === undefined || host === '') return undefined
  if (url.startsWith('/') || url === '*') return host
  return URL.canParse(url) && new URL(url).host === host ? host : undefined
}
