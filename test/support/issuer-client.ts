import { systemClock } from '../../shared/clock.ts'
import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { createDpopProof } from '../../shared/oauth/dpop.ts'
import { createKeyProof } from '../../shared/oid4vci/key-proof.ts'
import { PRE_AUTHORIZED_CODE_GRANT } from '../../shared/oid4vci/offer.ts'
import { systemRandom } from '../../shared/random.ts'

/** What came back: the status, the JSON, and the headers. */
export interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came
  readonly body: any
  readonly headers: Headers
}

export async function send(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, init)
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    body: isJson && text !== '' ? JSON.parse(text) : text,
    headers: response.headers,
  }
}

export function sendJson(url: string, body: unknown, key?: string): Promise<Reply> {
  return send(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  })
}

/** A worker at an issuer's proofing endpoints. */
export interface TestWorker {
  readonly id: string
  readonly token: string
  upload(kind: string, image?: string | Uint8Array): Promise<Reply>
  submit(): Promise<Reply>
  view(): Promise<Reply>
  offer(idempotencyKey?: string): Promise<Reply>
}

export async function beginSession(issuer: string, platformKey?: string): Promise<TestWorker> {
  const { body } = await send(`${issuer}/sessions`, {
    method: 'POST',
    headers: platformKey === undefined ? {} : { authorization: `Bearer ${platformKey}` },
  })
  const { session_id: id, session_token: token } = body
  const headers = { authorization: `Bearer ${token}` }
  const url = `${issuer}/sessions/${id}`
  return {
    id,
    token,
    upload: (kind, image = `ok ${kind}`) =>
      send(`${url}/${kind}`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'image/png' },
        body: image,
      }),
    submit: () => send(`${url}/submit`, { method: 'POST', headers }),
    view: () => send(url, { headers }),
    offer: (key) =>
      send(`${url}/offer`, {
        method: 'POST',
        headers: { ...headers, ...(key === undefined ? {} : { 'idempotency-key': key }) },
      }),
  }
}

/** A session whose evidence was submitted. */
export async function submittedSession(issuer: string): Promise<TestWorker> {
  const worker = await beginSession(issuer)
  await worker.upload('document')
  await worker.upload('selfie')
  await worker.submit()
  return worker
}

/** A wallet that can be told to misbehave. One DPoP key, fresh holder keys, the last nonces it was given. */
export interface TestWallet {
  readonly dpopKey: Es256Signer
  redeem(code: string, txCode: string | undefined, extra?: Record<string, string>): Promise<Reply>
  credential(
    token: string,
    keys: readonly Es256Signer[],
    changes?: { body?: object; nonce?: string; dpopKey?: Es256Signer },
  ): Promise<Reply>
  notify(token: string, body: unknown): Promise<Reply>
  cNonce(): Promise<string>
}

export function testWallet(issuer: string): TestWallet {
  const dpopKey = generateEs256Key().signer
  let tokenNonce: string | undefined
  let resourceNonce: string | undefined
  const clock = systemClock
  const proof = (
    url: string,
    options: { nonce?: string; accessToken?: string; key?: Es256Signer },
  ) =>
    createDpopProof({
      method: 'POST',
      url,
      nonce: options.nonce,
      accessToken: options.accessToken,
      signer: options.key ?? dpopKey,
      random: systemRandom,
      now: clock(),
    })
  const cNonce = async (): Promise<string> => {
    const reply = await send(`${issuer}/nonce`, { method: 'POST' })
    resourceNonce = reply.headers.get('dpop-nonce') ?? undefined
    return reply.body.c_nonce
  }
  const protectedPost = async (
    path: string,
    token: string,
    body: unknown,
    key?: Es256Signer,
  ): Promise<Reply> => {
    const url = issuer + path
    const options = {
      accessToken: token,
      ...(resourceNonce === undefined ? {} : { nonce: resourceNonce }),
      ...(key === undefined ? {} : { key }),
    }
    const reply = await send(url, {
      method: 'POST',
      headers: {
        authorization: `DPoP ${token}`,
        dpop: await proof(url, options),
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    resourceNonce = reply.headers.get('dpop-nonce') ?? resourceNonce
    return reply
  }
  return {
    dpopKey,
    cNonce,
    redeem: async (code, txCode, extra = {}) => {
      const url = `${issuer}/token`
      for (let attempt = 0; ; attempt++) {
        const reply = await send(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            dpop: await proof(url, tokenNonce === undefined ? {} : { nonce: tokenNonce }),
          },
          body: new URLSearchParams({
            grant_type: PRE_AUTHORIZED_CODE_GRANT,
            'pre-authorized_code': code,
            ...(txCode === undefined ? {} : { tx_code: txCode }),
            ...extra,
          }).toString(),
        })
        tokenNonce = reply.headers.get('dpop-nonce') ?? tokenNonce
        if (reply.body.error !== 'use_dpop_nonce' || attempt > 0) return reply
      }
    },
    credential: async (token, keys, changes = {}) => {
      const nonce = changes.nonce ?? (await cNonce())
      const jwt = await Promise.all(
        keys.map((signer) => createKeyProof({ issuer, nonce, signer, now: clock() })),
      )
      const body = {
        credential_configuration_id: 'carnet-identity',
        proofs: { jwt },
        ...changes.body,
      }
      return protectedPost('/credential', token, body, changes.dpopKey)
    },
    notify: (token, body) => protectedPost('/notification', token, body),
  }
}

export function codeOf(offer: Reply): { code: string; txCode: string } {
  const grant = offer.body.credential_offer.grants[PRE_AUTHORIZED_CODE_GRANT]
  return { code: grant['pre-authorized_code'], txCode: offer.body.tx_code }
}

/** Takes an approved session's offer to an access token. */
export async function tokenFor(worker: TestWorker, wallet: TestWallet): Promise<string> {
  const { code, txCode } = codeOf(await worker.offer())
  return (await wallet.redeem(code, txCode)).body.access_token
}

export function newKeys(count: number): Es256Signer[] {
  return Array.from({ length: count }, () => generateEs256Key().signer)
}
