import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { type DocumentedServer, type Operation, readDocument } from './openapi.ts'

interface Known {
  readonly pattern: RegExp
  readonly pointer: string
  readonly operations: Readonly<Record<string, Operation>>
}

const violations = new Set<string>()

// An answer is looked at after it was sent, when the test that asked may be over. A process that a test starts has no mocha.
const { after: atTheEnd } = globalThis as { after?: (work: () => void) => void }
atTheEnd?.(() => {
  if (violations.size > 0) throw new Error(`not as documented:\n${[...violations].join('\n')}`)
})

/**
 * Passes requests on to `listener` and compares every answer with the committed document of the server: its status, its
 * media type, its body with the schema, the code of a problem with those that the endpoint declares.
 */
export function contractChecked(
  server: DocumentedServer,
  listener: RequestListener,
): RequestListener {
  const check = checker(server)
  return (request, response) => {
    const chunks: Buffer[] = []
    const end = response.end.bind(response)
    response.end = ((chunk?: unknown, ...rest: unknown[]) => {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
      return (end as (...given: unknown[]) => ServerResponse)(chunk, ...rest)
    }) as typeof response.end
    response.on('finish', () => {
      const fault = check(request, response, Buffer.concat(chunks))
      if (fault !== undefined) violations.add(`${request.method} ${response.statusCode}: ${fault}`)
    })
    listener(request, response)
  }
}

function checker(server: DocumentedServer) {
  const document = readDocument(server)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, server)
  const known: Known[] = Object.entries(document.paths).map(([path, operations]) => ({
    pattern: new RegExp(
      `^${path.replace(/[.]/g, '\\.').replace(/\{(\w+)\}/g, (_, name) => (name === 'path' ? '.+' : '[^/]+'))}/?$`,
    ),
    pointer: `${server}#/paths/${path.replace(/~/g, '~0').replace(/\//g, '~1')}`,
    operations,
  }))
  // Without parameters before with, as the router has it.
  known.sort(
    (one, other) => Number(/\+/.test(one.pattern.source)) - Number(/\+/.test(other.pattern.source)),
  )
  const compiled = new Map<string, ValidateFunction>()

  return (request: IncomingMessage, response: ServerResponse, body: Buffer): string | undefined => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const found = known.find(({ pattern }) => pattern.test(path))
    const method = request.method?.toLowerCase() ?? ''
    const operation =
      found?.operations[method] ?? (method === 'head' ? found?.operations.get : undefined)
    if (found === undefined || operation === undefined) return undefined
    const status = String(response.statusCode)
    const key = status in operation.responses ? status : 'default'
    const declared = operation.responses[key]
    if (declared === undefined) return `${path} does not declare ${status}`
    const type = String(response.getHeader('Content-Type') ?? '').split(';')[0] ?? ''
    if (declared.content === undefined) {
      return body.length === 0 ? undefined : `${operation.operationId} answers a body`
    }
    if (response.statusCode === 304 || method === 'head') return undefined
    if (!(type in declared.content)) {
      // A Status List Token has a second form.
      if (type === 'application/statuslist+cwt') return undefined
      return `${operation.operationId} answers ${type}, not ${Object.keys(declared.content)}`
    }
    if (!/json$/.test(type)) return undefined
    const value = JSON.parse(body.toString())
    if (type === 'application/problem+json') {
      const isGeneral =
        key === 'default' && /^(misdirected_host|not_found|defect)$/.test(value.code)
      if (!isGeneral && !declared.description.includes(`\`${value.code}\``)) {
        return `${operation.operationId} does not declare ${value.code}`
      }
    }
    const where = `${found.pointer}/${method === 'head' ? 'get' : method}/responses/${key}/content/${type.replace(/\//g, '~1')}/schema`
    const validate = compiled.get(where) ?? ajv.compile({ $ref: where })
    compiled.set(where, validate)
    return validate(value)
      ? undefined
      : `${operation.operationId}: ${ajv.errorsText(validate.errors)}`
  }
}
