import type { z } from 'zod'
import type { KeyRole } from '../../shared/api-key/api-key.ts'
import { callApi } from '../../shared/http/api-client.ts'
import type { Json } from '../../shared/json.ts'
import { OperatorError } from '../../shared/operator-error.ts'
import type { World } from '../world.ts'

/** Calls a list endpoint of a running issuer for one page after another. @throws OperatorError as {@link callIssuer} */
export async function* pagesOf<Schema extends z.ZodType<{ next?: string | undefined }>>(
  world: World,
  schema: Schema,
  { path, ...request }: Parameters<typeof callIssuer>[2],
): AsyncGenerator<z.output<Schema>> {
  let next: string | undefined
  do {
    const page = next === undefined ? path : `${path}?cursor=${encodeURIComponent(next)}`
    const answer = await callIssuer(world, schema, { ...request, path: page })
    yield answer
    next = answer.next
  } while (next !== undefined)
}

/** Calls an endpoint of a running issuer. @throws OperatorError `server_unreachable`, `request_refused`, `key_invalid` */
export async function callIssuer<Schema extends z.ZodType>(
  { fetch, keys }: World,
  schema: Schema,
  request: {
    readonly url: string
    readonly path: string
    readonly role: Exclude<KeyRole, 'platform' | 'regulator'>
    readonly body?: Json
    readonly method?: 'DELETE'
  },
): Promise<z.output<Schema>> {
  const { role, ...rest } = request
  const key = keys[role]
  if (key === undefined) {
    throw new OperatorError('key_invalid', `CARNET_${role.toUpperCase()}_KEY is not set`, {
      hint: `carnet-issuer keys add --role ${role} --name NAME makes one`,
    })
  }
  return callApi(fetch, schema, { server: 'issuer', key, ...rest })
}
