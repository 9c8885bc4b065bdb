import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector, fetch as undiciFetch } from 'undici'
import type { Fetch } from '../fetch.ts'
import { TrustError } from './error.ts'

/** What a guarded fetch may do at most. */
export interface FetchBounds {
  /** True on one machine and in tests: loopback and private addresses, and plain HTTP, are then allowed. */
  readonly allowPrivate: boolean
  readonly maxBytes: number
  /** For the whole exchange: connecting, redirects and body. */
  readonly timeoutMs: number
  readonly maxRedirects: number
}

/** Addresses that are not globally reachable. RFC 6890, IANA special-purpose registries. */
const NOT_GLOBAL = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  NOT_GLOBAL.addSubnet(network, prefix, 'ipv4')
}
/** IPv6 is global unicast (2000::/3) or refused; these parts of it are tunnels, documentation and the like. */
const GLOBAL_UNICAST = new BlockList()
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6')
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_GLOBAL.addSubnet(network, prefix, 'ipv6')
}

/** Whether an address is one that the open internet routes. IPv4 in IPv6 is never. RFC 6890. */
export function isGlobalAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !NOT_GLOBAL.check(address, 'ipv4')
  return (
    version === 6 && GLOBAL_UNICAST.check(address, 'ipv6') && !NOT_GLOBAL.check(address, 'ipv6')
  )
}

/**
 * A fetch for addresses that strangers name. The address that a connection really reached is judged before a byte is
 * sent, for every redirect again, so that neither a name that resolves to a private address nor an unusual spelling of
 * one gets through. Only HTTPS unless `allowPrivate`; no user name in the address; the body is read whole under
 * `maxBytes`. SD-JWT VC §10.1 and OpenID4VP 1.0 §14 ask for protection against server-side request forgery.
 * @throws TrustError
 */
export function guardedFetch(bounds: FetchBounds): Fetch {
  const dispatcher = new Agent({
    connect: guardedConnector(bounds),
    maxResponseSize: bounds.maxBytes,
  })
  return async (input, init = {}) => {
    const timeout = AbortSignal.timeout(bounds.timeoutMs)
    const signal = init.signal ? AbortSignal.any([timeout, init.signal]) : timeout
    const first = checkUrl(String(input), bounds)
    let url = first
    for (let redirects = 0; ; redirects++) {
      const own = url.origin === first.origin ? init : withoutCredentials(init)
      const response = await send(url, own, { dispatcher, signal })
      const location = isRedirect(response.status) ? response.headers.get('location') : undefined
      if (!location) return readWhole(response, bounds, signal)
      await response.body?.cancel()
      if (init.redirect === 'error' || redirects >= bounds.maxRedirects) {
        throw new TrustError('fetch_failed', 'too many redirects')
      }
      if (init.method !== undefined && init.method !== 'GET') {
        throw new TrustError('fetch_failed', 'a redirect of something else than a GET')
      }
      url = checkUrl(location, bounds, url)
    }
  }
}

/** What was meant for one origin is not told to another that it redirects to. Fetch §4.4. */
function withoutCredentials(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers)
  for (const name of ['authorization', 'cookie', 'dpop', 'proxy-authorization'])
    headers.delete(name)
  return { ...init, headers: [...headers] }
}

type UndiciResponse = Awaited<ReturnType<typeof undiciFetch>>

async function send(
  url: URL,
  init: RequestInit,
  { dispatcher, signal }: { dispatcher: Agent; signal: AbortSignal },
): Promise<UndiciResponse> {
  try {
    const options = { ...init, dispatcher, redirect: 'manual', signal }
    return await undiciFetch(url, options as Parameters<typeof undiciFetch>[1])
  } catch (cause) {
    const refusal = refusalIn(cause)
    if (refusal) throw refusal
    throw new TrustError('fetch_failed', 'address cannot be fetched', { cause })
  }
}

/** The connector's own refusal, which the client wraps. */
function refusalIn(error: unknown): TrustError | undefined {
  if (error instanceof TrustError) return error
  return error instanceof Error && error.cause ? refusalIn(error.cause) : undefined
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function checkUrl(text: string, { allowPrivate }: FetchBounds, base?: URL): URL {
  let url: URL
  try {
    url = new URL(text, base)
  } catch (cause) {
    throw new TrustError('address_refused', 'address is not a URL', { cause })
  }
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) {
    throw new TrustError('address_refused', 'address is not https')
  }
  if (url.username !== '' || url.password !== '') {
    throw new TrustError('address_refused', 'address holds a user name')
  }
  // The parser has already turned every spelling of an IP literal into the canonical one.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!allowPrivate && isIP(host) !== 0 && !isGlobalAddress(host)) {
    throw new TrustError('address_refused', 'address is not global')
  }
  return url
}

function guardedConnector({ allowPrivate, timeoutMs }: FetchBounds): buildConnector.connector {
  const connect = buildConnector({
    timeout: timeoutMs,
    ...(allowPrivate ? {} : { lookup: globalLookup }),
  })
  return (options, callback) =>
    connect(options, (error, socket) => {
      if (error || !socket) return callback(error ?? new Error('no socket'), null)
      if (allowPrivate || isGlobalAddress(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(new TrustError('address_refused', 'address is not global'), null)
    })
}

/** Resolves a name and refuses it when any of its addresses is not global, before anything is sent there. */
const globalLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, '')
    const [first] = addresses
    if (!first || !addresses.every(({ address }) => isGlobalAddress(address))) {
      return callback(new TrustError('address_refused', 'address is not global'), '')
    }
    if (options.all) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}

async function readWhole(
  response: UndiciResponse,
  { maxBytes }: FetchBounds,
  signal: AbortSignal,
): Promise<Response> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.byteLength
      if (length > maxBytes) throw new TrustError('too_large', 'answer is too large')
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof TrustError) throw cause
    const code = signal.aborted ? 'fetch_failed' : codeOf(cause)
    throw new TrustError(code, 'answer cannot be read', { cause })
  }
  const headers = [...response.headers].filter(([name]) => name !== 'content-encoding')
  const empty = response.status === 204 || response.status === 304
  return new Response(empty ? null : Buffer.concat(chunks), {
    status: response.status,
    headers,
  })
}

function codeOf(error: unknown): 'too_large' | 'fetch_failed' {
  const cause = error instanceof Error ? error.cause : undefined
  const code = (cause as { code?: string } | undefined)?.code
  return code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'too_large' : 'fetch_failed'
}
