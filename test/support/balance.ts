import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http'

/**
 * Sends each request to a server that is up, in turn, and those of a session of an issuer to the server that began it while
 * that one is.
 */
export function balance(
  replicas: readonly { readonly port: number; readonly up: boolean }[],
): Server {
  const began = new Map<string, number>()
  let turn = 0
  const portFor = (path: string): number | undefined => {
    const up = replicas.filter((replica) => replica.up).map(({ port }) => port)
    const own = began.get(path.split('/')[2] ?? '')
    turn += 1
    return own !== undefined && up.includes(own) ? own : up[turn % Math.max(1, up.length)]
  }
  return createServer(async (request, response) => {
    const body = await bytesOf(request)
    const port = portFor(request.url ?? '')
    const { method, headers, url: path } = request
    const forwarded = httpRequest({ host: '127.0.0.1', port, method, headers, path, agent: false })
    forwarded.on('error', () => response.destroy())
    forwarded.on('response', async (answer) => {
      try {
        const bytes = await bytesOf(answer)
        if (method === 'POST' && path === '/sessions' && answer.statusCode === 201) {
          began.set(JSON.parse(bytes.toString()).session_id, port ?? 0)
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers).end(bytes)
      } catch {
        response.destroy()
      }
    })
    forwarded.end(body)
  })
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
