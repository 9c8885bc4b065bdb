import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Fetch } from '../../shared/fetch.ts'

/** A peer that is a function, behind a port on the loopback interface, for programs that run as processes. */
export interface ServedFetch {
  readonly origin: string
  /** Who answers from now on. An exception drops the connection. */
  answerWith(fetch: Fetch): void
  close(): Promise<void>
}

/** Listens first, so that the peer can be made with its own address. */
export async function serveFetch(): Promise<ServedFetch> {
  let answering: Fetch = async () => new Response(null, { status: 404 })
  const server = createServer((request, response) => {
    void answer(request).then(
      async (answered) => {
        response.writeHead(answered.status, Object.fromEntries(answered.headers))
        response.end(Buffer.from(await answered.arrayBuffer()))
      },
      () => request.socket.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const answer = async (request: IncomingMessage): Promise<Response> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = 'GET', url = '/' } = request
    const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)])
    const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) }
    return answering(`${origin}${url}`, { method, headers: Object.fromEntries(headers), ...body })
  }
  return {
    origin,
    answerWith: (fetch) => {
      answering = fetch
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
