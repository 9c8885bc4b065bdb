import { DemoError, type World } from '../world.ts'

/** A score as the issuer shows it. */
interface ScoreView {
  readonly value: number
  readonly threshold: number
  readonly review: number
  readonly assurance: string
  readonly models: readonly string[]
}

/** What the issuer tells a worker of a decided session. */
export interface SessionView {
  readonly session_id: string
  readonly state: string
  readonly decision: { readonly outcome: string; readonly codes: readonly string[] }
  readonly scores: { readonly face_match: ScoreView; readonly liveness: ScoreView }
  readonly pipeline: string
  readonly models: readonly { readonly id: string; readonly sha256: string }[]
}

/** A proofing session as the worker has it: its view, and the token that opens it. */
export interface OwnSession {
  readonly view: SessionView
  readonly token: string
}

/** Uploads a document and a selfie as a worker does and submits them. @throws DemoError with the problem's code */
export async function proveIdentity(
  { issuer }: World,
  images: { readonly document: Buffer; readonly selfie: Buffer },
): Promise<OwnSession> {
  const opened = await call(`${issuer.url}/sessions`, { method: 'POST' })
  const { session_id: id, session_token: token } = opened as Record<string, string>
  const headers = { authorization: `Bearer ${token}` }
  const session = `${issuer.url}/sessions/${id}`
  for (const [name, type] of [
    ['document', 'image/png'],
    ['selfie', 'image/jpeg'],
  ] as const) {
    await call(`${session}/${name}`, {
      method: 'PUT',
      headers: { ...headers, 'content-type': type },
      body: new Uint8Array(images[name]),
    })
  }
  const view = await call(`${session}/submit`, { method: 'POST', headers })
  return { view: view as SessionView, token: token ?? '' }
}

/** Calls an endpoint and answers its JSON. @throws DemoError with the problem document */
export async function call(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init)
  const body: unknown = await response.json()
  if (!response.ok)
    throw new DemoError(`${url} answered ${response.status} ${JSON.stringify(body)}`)
  return body
}

/** One line of a score: value, threshold, band and how far it is assured. */
export function scoreLine(name: string, score: ScoreView): string {
  const { value, threshold, review, assurance } = score
  const number = (n: number) => n.toFixed(2)
  return `${name.padEnd(12)} ${number(value).padStart(6)}   passes from ${number(threshold)}, a person looks from ${number(review)}   ${assurance}`
}
