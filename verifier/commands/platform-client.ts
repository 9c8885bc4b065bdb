import type { z } from 'zod'
import { callApi } from '../../shared/http/api-client.ts'
import type { Json } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { World } from '../world.ts'

/** Calls a verifier's endpoint with the platform key. @throws OperatorError `server_unreachable`, `request_refused` */
export async function callVerifier<Schema extends z.ZodType>(
  { fetch, platformKey }: World,
  schema: Schema,
  request: { readonly url: string; readonly path: string; readonly body?: Json },
): Promise<z.output<Schema>> {
  if (platformKey === undefined) {
    throw new OperatorError('key_invalid', 'CARNET_PLATFORM_KEY is not set', {
      hint: 'carnet-verifier keys api makes a key; the verifier’s configuration must know its digest',
    })
  }
  return callApi(fetch, schema, { server: 'verifier', key: platformKey, ...request })
}
