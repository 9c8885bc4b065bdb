import { request } from 'node:http'
import type { JsonObject } from '../../shared/json.ts'

/** Asks the server at `base` as if it were `host`, and answers what it says in JSON. */
export function hostRequest(
  base: string,
  host: string,
  path: string,
): Promise<{ readonly status: number; readonly body: JsonObject }> {
  return new Promise((resolve, reject) => {
    request(`${base}${path}`, { headers: { host } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as JsonObject }),
      )
    })
      .on('error', reject)
      .end()
  })
}
