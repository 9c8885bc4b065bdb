import { z } from 'zod'
import { type Endpoint, endpoint } from '../http/endpoint.http.ts'
import { jwkThumbprint } from '../jose/thumbprint.ts'
import type { OkpPublicJwk } from '../key/signer.ts'

const directory = z
  .strictObject({
    keys: z.array(
      z.strictObject({
        kid: z.string().meta({ description: 'The RFC 7638 thumbprint, as `keyid` names it.' }),
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
      }),
    ),
  })
  .meta({ id: 'WebhookKeys' })

/** Where receivers find the keys that deliveries are signed with; none where nothing is delivered. */
export function webhookKeyEndpoint(keys: readonly OkpPublicJwk[]): Endpoint {
  const body = { keys: keys.map((key) => ({ kid: jwkThumbprint(key), ...key })) }
  return endpoint({
    method: 'get',
    path: '/.well-known/http-message-signatures-directory',
    operationId: 'listWebhookKeys',
    tag: 'server',
    summary: 'Read the keys that webhook deliveries are signed with',
    responses: { 200: { description: 'A JWK set', schema: directory } },
    handle: () => ({ status: 200, headers: { 'Cache-Control': 'max-age=300' }, body }),
  })
}
