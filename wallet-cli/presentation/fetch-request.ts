import { encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { ProtocolError } from '../../shared/error.ts'
import type { Fetch } from '../../shared/fetch.ts'
import { JoseError } from '../../shared/jose/error.ts'
import { parseJwt } from '../../shared/jose/jws.ts'
import {
  parseRequestReference,
  REQUEST_OBJECT_MEDIA_TYPE,
  type RequestReference,
  type VerifiedRequest,
  verifyRequestObject,
} from '../../shared/oid4vp/request.ts'
import type { Random } from '../../shared/random.ts'
import { TrustError } from '../../shared/trust/error.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { WalletError } from '../error.ts'
import { exchange, isMediaType } from '../http.ts'

/**
 * Fetches the request object that a link names and verifies who signed it. The link may be a bare `request_uri`; the
 * client identifier is then only the one inside, which its signature proves. Nothing is told to the verifier when it is
 * refused: without a valid signature there is nobody to tell. OpenID4VP 1.0 §5.10, HAIP 1.0 §5.1.
 * @throws WalletError `request_invalid`, `verifier_not_trusted`, `not_reachable`
 */
export async function fetchRequest(
  link: string,
  {
    fetch,
    random,
    anchors,
    now,
  }: {
    readonly fetch: Fetch
    readonly random: Random
    readonly anchors: AnchorsAt
    readonly now: NumericDate
  },
): Promise<VerifiedRequest> {
  const { clientId, ...reference } = referenceOf(link.trim())
  const walletNonce =
    reference.requestUriMethod === 'post' ? encodeBase64url(random(16)) : undefined
  const jwt = await fetchObject(fetch, reference, walletNonce)
  try {
    return verifyRequestObject(jwt, {
      expectedClientId: clientId ?? clientIdInside(jwt),
      expectedWalletNonce: walletNonce,
      anchors,
      now,
    })
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    if (cause.cause instanceof TrustError) {
      const reason =
        cause.cause.code === 'not_trusted'
          ? 'nobody on the trust list vouches for them'
          : `their certificate: ${cause.cause.message}`
      throw new WalletError('verifier_not_trusted', `who asks is not trusted: ${reason}`, {
        cause,
        hint: 'nothing was shown; whom you trust: carnet-wallet trust',
      })
    }
    throw invalid(cause.message, cause)
  }
}

type Reference = Omit<RequestReference, 'clientId'> & { readonly clientId: string | undefined }

function referenceOf(link: string): Reference {
  if (isBareRequestUri(link)) {
    return { clientId: undefined, requestUri: link, requestUriMethod: 'get' }
  }
  try {
    return parseRequestReference(link)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw new WalletError('request_invalid', cause.message, {
      cause,
      hint: 'paste the whole link, in quotes: haip-vp://?client_id=...&request_uri=...',
    })
  }
}

function isBareRequestUri(link: string): boolean {
  if (!/^https?:\/\//i.test(link) || !URL.canParse(link)) return false
  return !new URL(link).searchParams.has('request_uri')
}

async function fetchObject(
  fetch: Fetch,
  { requestUri, requestUriMethod }: Omit<RequestReference, 'clientId'>,
  walletNonce: string | undefined,
): Promise<string> {
  const accept = { accept: REQUEST_OBJECT_MEDIA_TYPE }
  const answer = await exchange(
    fetch,
    requestUri,
    requestUriMethod === 'get'
      ? { headers: accept, redirect: 'error' }
      : {
          method: 'POST',
          headers: { ...accept, 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({ wallet_nonce: walletNonce ?? '' }).toString(),
          redirect: 'error',
        },
  )
  // "If the response is an HTTP error … the Wallet MUST terminate the process." OpenID4VP 1.0 §5.10.2.
  if (answer.status !== 200) {
    throw new WalletError('request_invalid', `the request cannot be had (HTTP ${answer.status})`, {
      hint: 'it may have expired; ask for a new one',
    })
  }
  if (!isMediaType(answer, REQUEST_OBJECT_MEDIA_TYPE)) {
    throw invalid(`it is not served as ${REQUEST_OBJECT_MEDIA_TYPE}`)
  }
  return answer.body
}

function clientIdInside(jwt: string): string {
  try {
    const { client_id: clientId } = parseJwt(jwt).payload
    if (typeof clientId === 'string') return clientId
  } catch (cause) {
    if (!(cause instanceof JoseError)) throw cause
    throw invalid(cause.message, cause)
  }
  throw invalid('client_id is missing')
}

function invalid(reason: string, cause?: unknown): WalletError {
  return new WalletError('request_invalid', `the request is not valid: ${reason}`, { cause })
}
