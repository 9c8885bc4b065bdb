import createClient, { type Client } from 'openapi-fetch'
import { type Clock, type NumericDate, systemClock } from '../shared/clock.ts'
import type { OkpPublicJwk } from '../shared/key/signer.ts'
import { WebhookError } from '../shared/webhook/error.ts'
import type { ReceivedEvent } from '../shared/webhook/event.ts'
import { type Delivery, verifyDelivery } from '../shared/webhook/verify.ts'
import type { paths as IssuerPaths } from './generated/issuer.ts'
import type { paths as VerifierPaths } from './generated/verifier.ts'

/** A server that is called. */
export interface Server {
  /** Its base URL, without a path. */
  readonly url: string
  /** What is sent as bearer token: an API key, or the token of a session. */
  readonly key?: string | undefined
  /** The global function where nothing is said. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined
}

/** Calls the endpoints of an issuer; paths, parameters, bodies and answers are typed by its OpenAPI document. */
export type IssuerClient = Client<IssuerPaths>
/** Calls the endpoints of a verifier; paths, parameters, bodies and answers are typed by its OpenAPI document. */
export type VerifierClient = Client<VerifierPaths>

/** Opens a client of an issuer. Nothing is sent. */
export function issuerClient(server: Server): IssuerClient {
  return createClient<IssuerPaths>(optionsOf(server))
}

/** Opens a client of a verifier. Nothing is sent. */
export function verifierClient(server: Server): VerifierClient {
  return createClient<VerifierPaths>(optionsOf(server))
}

function optionsOf({ url, key, fetch }: Server) {
  return {
    baseUrl: url,
    ...(key === undefined ? {} : { headers: { Authorization: `Bearer ${key}` } }),
    ...(fetch === undefined ? {} : { fetch }),
  }
}

/** A refusal: a problem document (RFC 9457), or what came instead of one. Branch on `code`. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  /** Stable; docs/problems.md has them all. `unreadable` where the answer is none of our server's. */
  readonly code: string
  readonly status: number
  /** By which the log of the server knows the request. */
  readonly requestId: string | undefined
  /** Seconds after which trying again may help. RFC 9110 §10.2.3. */
  readonly retryAfterSeconds: number | undefined

  constructor(response: Response, problem: unknown) {
    const { code, detail, title } = (problem ?? {}) as Readonly<Record<string, unknown>>
    const words = [code, detail ?? title].filter((word) => typeof word === 'string')
    super(words.length > 0 ? words.join(': ') : `HTTP status ${response.status}`)
    this.code = typeof code === 'string' ? code : 'unreadable'
    this.status = response.status
    this.requestId = response.headers.get('X-Request-Id') ?? undefined
    const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined
  }
}

/** What a call answers, as the clients tell it. */
interface Answer<Data> {
  readonly data?: Data
  readonly error?: unknown
  readonly response: Response
}

/** The data of an answer. @throws RefusedError where the server refused, and what `fetch` throws where it is away */
export async function dataOf<Data>(call: Promise<Answer<Data>>): Promise<NonNullable<Data>> {
  const { data, error, response } = await call
  if (!response.ok) throw new RefusedError(response, error)
  return data as NonNullable<Data>
}

/**
 * Every page of a list, one after another: `read` calls the list endpoint with the cursor that it is given.
 * @throws RefusedError
 */
export async function* pagesOf<Page extends { readonly next?: string | undefined }>(
  read: (cursor: string | undefined) => Promise<Answer<Page>>,
): AsyncGenerator<Page> {
  let cursor: string | undefined
  do {
    const page: Page = await dataOf(read(cursor))
    yield page
    cursor = page.next
  } while (cursor !== undefined)
}

/**
 * Verifies that a delivery is from a server with one of `keys`, to this address, within the last five minutes, and reads
 * its event; docs/webhooks.md says what a receiver does besides. RFC 9421 §3.2, RFC 9530 §2. @throws WebhookError
 */
export function verifyWebhook(
  delivery: Delivery,
  { keys, clock = systemClock }: { readonly keys: readonly OkpPublicJwk[]; readonly clock?: Clock },
): ReceivedEvent {
  return verifyDelivery(delivery, { keys, now: clock() })
}

/** Whether an error says that a delivery is not to be taken: answer 401. Any other one may pass: answer 503. */
export function isRefusedDelivery(error: unknown): error is WebhookError {
  return error instanceof WebhookError
}

/** The keys that a server signs its deliveries with. @throws RefusedError */
export async function webhookKeys(
  client: Pick<IssuerClient, 'GET'> | Pick<VerifierClient, 'GET'>,
): Promise<readonly OkpPublicJwk[]> {
  const directory = (client as VerifierClient).GET('/.well-known/http-message-signatures-directory')
  return (await dataOf(directory)).keys.map(({ kty, crv, x }) => ({ kty, crv, x }))
}

/** How long keys that were read count, seconds: what the directory itself says. Then a dropped key counts no more. */
const KEYS_KEPT_SECONDS = 300
/** How often at most the directory is asked, seconds, whatever comes in. */
const KEYS_ASKED_SECONDS = 60

/**
 * Opens a receiver of the deliveries of one server to one address. It reads the keys of the server when it needs them,
 * once a minute at most: first, when a delivery names one that it does not know, and every five minutes, so that a
 * change of keys needs nobody and a key that the server has dropped counts for at most five minutes more.
 */
export function webhookReceiver({
  server,
  address,
  clock = systemClock,
}: {
  readonly server: Server
  /** The address that the endpoint is registered with, whatever a proxy makes of it. */
  readonly address: string
  readonly clock?: Clock
}): (delivery: Pick<Delivery, 'headers' | 'body'>) => Promise<ReceivedEvent> {
  const client = verifierClient(server)
  let kept: { readonly keys: readonly OkpPublicJwk[]; readonly readAt: NumericDate } | undefined
  let asked:
    | { readonly at: NumericDate; readonly keys: Promise<readonly OkpPublicJwk[]> }
    | undefined
  const ask = async (readAt: NumericDate): Promise<readonly OkpPublicJwk[]> => {
    const keys = await webhookKeys(client)
    kept = { keys, readAt }
    return keys
  }
  return async (delivery) => {
    const whole: Delivery = { ...delivery, method: 'POST', url: address }
    const now = clock()
    const isKept = kept !== undefined && now - kept.readAt < KEYS_KEPT_SECONDS
    try {
      return verifyWebhook(whole, { keys: isKept ? (kept?.keys ?? []) : [], clock })
    } catch (error) {
      if (!(error instanceof WebhookError) || error.code !== 'key_unknown') throw error
    }
    // Noted before the answer, so that neither failures nor what comes meanwhile ask again; all of them await this one.
    if (asked === undefined || now - asked.at >= KEYS_ASKED_SECONDS) {
      asked = { at: now, keys: ask(now) }
    }
    return verifyWebhook(whole, { keys: await asked.keys, clock })
  }
}
