import type { RegistrationResponse, SignInResponse } from '../../shared/account/passkeys.ts'
import { type Reply, send } from './issuer-client.ts'
import type { TestOperatorPage } from './operator-page.ts'

/** A browser without a window: it keeps cookies and says where it comes from. */
export interface PageClient {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Reply>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  delete(path: string, headers?: Record<string, string>): Promise<Reply>
  /** Begins and ends a registration; `make` answers for the authenticator. */
  register(
    code: string,
    make: (options: { challenge: string }) => RegistrationResponse,
  ): Promise<Reply>
  signIn(use: (options: { challenge: string }) => SignInResponse): Promise<Reply>
}

export function pageClient(page: Pick<TestOperatorPage, 'origin'>): PageClient {
  const cookies = new Map<string, string>()
  const ask = async (
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> | undefined },
  ): Promise<Reply> => {
    const reply = await send(`${page.origin}/operator${path}`, {
      method,
      headers: {
        ...(cookies.size === 0
          ? {}
          : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
        ...(method === 'GET' ? {} : { origin: page.origin }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/Max-Age=0/.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return reply
  }
  const client: PageClient = {
    cookies,
    get: (path, headers) => ask('GET', path, { headers }),
    post: (path, body, headers) => ask('POST', path, { body, headers }),
    delete: (path, headers) => ask('DELETE', path, { headers }),
    register: async (code, make) => {
      const begun = await client.post('/registration/options', { code })
      if (begun.status !== 200) return begun
      return client.post('/registration', { code, credential: make(begun.body.options) })
    },
    signIn: async (use) => {
      const begun = await client.post('/sign-in/options')
      if (begun.status !== 200) return begun
      return client.post('/sign-in', use(begun.body))
    },
  }
  return client
}
