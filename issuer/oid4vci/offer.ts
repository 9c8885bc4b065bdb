import { encodeBase64url } from '../../shared/base64url.ts'
import type { NumericDate } from '../../shared/clock.ts'
import { sha256Base64url } from '../../shared/hash.ts'
import type { KeptAnswer, Once } from '../../shared/idempotency/once.ts'
import {
  type CredentialOffer,
  offerLink,
  PRE_AUTHORIZED_CODE_GRANT,
} from '../../shared/oid4vci/offer.ts'
import { Problem } from '../../shared/problem.ts'
import type { Random } from '../../shared/random.ts'
import type { Session } from '../session/session.ts'
import type { IssuerStore } from '../store.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import { IDENTITY_CONFIGURATION_ID } from './metadata.ts'
import { transactionCodeDigest } from './transaction-code.ts'

const OFFER_SECONDS = 600
/** Of a wrong or right transaction code; after that the offer is dead and another one can be had. */
const ATTEMPTS = 5
const TX_CODE_LENGTH = 6

/** An offer as its session's owner gets it. The transaction code reaches the wallet by another way. */
export interface NewOffer {
  readonly offer: CredentialOffer
  /** Where the offer can be fetched. */
  readonly uri: string
  /** A link that opens a wallet. */
  readonly link: string
  readonly txCode: string
  readonly expiresAt: NumericDate
  /** From which the address and the code follow. */
  readonly secret: string
}

/** Makes an offer, which is worth nothing until it is recorded. */
export function newOffer(issuer: string, random: Random, now: NumericDate): NewOffer {
  const secret = encodeBase64url(random(32))
  const uri = `${issuer}/offers/${secret}`
  return {
    offer: renderOffer(issuer, codeOf(secret)),
    uri,
    link: offerLink(uri),
    txCode: digits(random, TX_CODE_LENGTH),
    expiresAt: now + OFFER_SECONDS,
    secret,
  }
}

/**
 * Records an offer for an approved session, in place of earlier ones, for as long as nothing was issued: so a wallet that
 * lost its offer or its token begins again, and nothing is issued twice. The authorization server knows the code first,
 * which it redeems only for an offer that is recorded; so a recorded one, and the answer that is kept with it as `once`, can
 * be redeemed whatever was killed in between. Answers what was kept before under the same key.
 * @throws Problem `session_state`, `approval_redeemed`, `idempotency_key_reused`
 */
export async function recordOffer(
  session: Session,
  { secret, txCode, expiresAt }: NewOffer,
  {
    store,
    authorizationServer,
    now,
    once,
  }: {
    readonly store: IssuerStore
    readonly authorizationServer: AuthorizationServer
    readonly now: NumericDate
    readonly once: Once | undefined
  },
): Promise<KeptAnswer | undefined> {
  const { id: sessionId } = session
  if (session.state !== 'approved') {
    throw new Problem('session_state', 'only an approved session has an offer')
  }
  const code = codeOf(secret)
  await authorizationServer.authorize({ sessionId, code, expiresAt })
  const recorded = await store.recordOffer(
    {
      sessionId,
      offerSha256: sha256Base64url(secret),
      codeSha256: sha256Base64url(code),
      txCodeSha256: transactionCodeDigest(code, txCode),
      attempts: ATTEMPTS,
      expiresAt,
    },
    now,
    once,
  )
  if (recorded === false) {
    throw new Problem('approval_redeemed', 'the credential of this session was issued')
  }
  return recorded === true ? undefined : recorded
}

/**
 * The offer at an address, while it can be redeemed: "the Credential Offer … by reference" (OpenID4VCI 1.0 §4.1.3). The
 * code follows from the secret in the address, so that neither is stored.
 */
export async function offerAt(
  secret: string,
  { issuer, store }: { readonly issuer: string; readonly store: IssuerStore },
  now: NumericDate,
): Promise<CredentialOffer | undefined> {
  const live = await store.offer(sha256Base64url(secret), now)
  return live === undefined ? undefined : renderOffer(issuer, codeOf(secret))
}

function renderOffer(issuer: string, code: string): CredentialOffer {
  return {
    credential_issuer: issuer,
    credential_configuration_ids: [IDENTITY_CONFIGURATION_ID],
    grants: {
      [PRE_AUTHORIZED_CODE_GRANT]: {
        'pre-authorized_code': code,
        tx_code: {
          input_mode: 'numeric',
          length: TX_CODE_LENGTH,
          description: 'The code that you were given with the offer',
        },
      },
    },
  }
}

function codeOf(secret: string): string {
  return sha256Base64url(`pre-authorized_code/${secret}`)
}

/** Even digits: a byte that would favour some of them is thrown away. */
function digits(random: Random, length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < 250 && text.length < length) text += String(byte % 10)
    }
  }
  return text
}
