/** What a server says when it refuses. RFC 9457. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail?: string
  /** Where the code is explained. */
  readonly type?: string
  readonly request_id?: string
}

/** A server refused, or was not reached: then there is no refusal. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
  readonly refusal: Refusal | undefined
  constructor(refusal: Refusal | undefined) {
    super(refusal?.code ?? 'unreachable')
    this.refusal = refusal
  }
}

/** Asks the server that the page came from. @throws CallFailed */
export async function call<Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      ...(body === undefined
        ? {}
        : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    })
  } catch {
    throw new CallFailed(undefined)
  }
  const answer = await response.json().catch(() => undefined)
  if (response.ok) return answer as Answer
  throw new CallFailed(
    (answer as Refusal | undefined) ?? { status: response.status, code: 'defect', title: '' },
  )
}
