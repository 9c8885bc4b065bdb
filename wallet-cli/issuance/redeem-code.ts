import type { NumericDate } from '../../shared/clock.ts'
import { errorResponseSchema } from '../../shared/oauth/error-response.ts'
import type { ServerMetadata } from '../../shared/oauth/server-metadata.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import { tokenResponseSchema } from '../../shared/oid4vci/token.ts'
import { WalletError } from '../error.ts'
import { jsonOf } from '../http.ts'
import { plain } from '../text.ts'
import type { AcceptedOffer, AccessToken, TxCodeForm } from '../vault/vault.ts'
import type { DpopClient } from './dpop-client.ts'

/** A token response without `expires_in` is used at once and not kept beyond this. */
const ASSUMED_LIFETIME = 60

/**
 * Redeems the pre-authorized code, with the transaction code exactly when the offer asks for one. The answer does not
 * tell a wrong transaction code from a spent offer, so both are named. OpenID4VCI 1.0 §6.1, §6.3, RFC 9449 §5.
 * @throws WalletError `tx_code_wrong`, `offer_spent`, `issuer_refused`, `not_reachable`
 */
export async function redeemCode(
  client: DpopClient,
  server: ServerMetadata,
  offer: AcceptedOffer,
  txCode: string | undefined,
  now: NumericDate,
): Promise<AccessToken & { readonly credentialIdentifier?: string }> {
  const form = new URLSearchParams({
    grant_type: PRE_AUTHORIZED_CODE_GRANT,
    'pre-authorized_code': offer.preAuthorizedCode,
  })
  if (txCode !== undefined) form.set('tx_code', txCode)
  const answer = await client.post('authorization server', server.token_endpoint, {
    contentType: 'application/x-www-form-urlencoded',
    body: form.toString(),
  })
  const body = jsonOf(answer)
  if (answer.status !== 200) throw refusal(answer.status, body, offer)
  const parsed = tokenResponseSchema.safeParse(body)
  if (!parsed.success) {
    throw new WalletError('issuer_refused', 'the issuer answered with something else than a token')
  }
  const details = parsed.data.authorization_details?.find(
    ({ credential_configuration_id: id }) => id === offer.configurationId,
  )
  const credentialIdentifier = details?.credential_identifiers[0]
  return {
    value: parsed.data.access_token,
    expiresAt: now + (parsed.data.expires_in ?? ASSUMED_LIFETIME),
    ...(credentialIdentifier === undefined ? {} : { credentialIdentifier }),
  }
}

/** Why a transaction code cannot be right, so that no attempt is spent on it; `undefined` when it may be. */
export function objectionToTxCode(code: string, form: TxCodeForm): string | undefined {
  if (code === '') return 'the code is empty'
  if (form.inputMode === 'numeric' && !/^[0-9]+$/.test(code)) return 'the code has digits only'
  if (form.length !== undefined && [...code].length !== form.length) {
    return `the code has ${form.length} characters`
  }
  return undefined
}

function refusal(status: number, body: unknown, offer: AcceptedOffer): WalletError {
  const parsed = errorResponseSchema.safeParse(body)
  if (!parsed.success) {
    return new WalletError('issuer_refused', `the issuer could not answer (HTTP ${status})`, {
      hint: 'the offer is kept; go on later with: carnet-wallet receive',
    })
  }
  const { error, error_description: description } = parsed.data
  const said = plain(description ?? error)
  if (error !== 'invalid_grant' && error !== 'invalid_tx_code') {
    return new WalletError('issuer_refused', `the issuer refused: ${said}`)
  }
  if (offer.txCode === undefined) {
    return new WalletError('offer_spent', `the offer was used or has expired: ${said}`, {
      hint: 'ask the issuer for a new offer',
    })
  }
  return new WalletError('tx_code_wrong', `the issuer did not take the code: ${said}`, {
    hint:
      'a mistyped code costs one of a few attempts, the offer stays: carnet-wallet receive --tx-code CODE\n' +
      'if the code is right, the offer was used or has expired: ask the issuer for a new one',
  })
}
