import { z } from 'zod'
import { parsePublicJwk } from '../shared/jose/jwk.ts'
import type { PresentationRequest, Rejection } from './request/request.ts'
import type { Answer } from './store.ts'

/** A request as every store keeps it. */
export interface RequestRow {
  readonly id: string
  readonly platform: string
  readonly policy_sha256: string
  readonly redirect_uri: string | null
  readonly client_id: string
  readonly nonce: string
  readonly object_id: string
  readonly response_id: string
  readonly created_at: number
  readonly expires_at: number
  readonly state: PresentationRequest['state']
  readonly encryption_key: string | null
  readonly encryption_pkcs8: string | null
  readonly rejections: string
  readonly reason: string | null
  readonly ended_at: number | null
}

/** The request of a row. */
export function toRequest(row: RequestRow): PresentationRequest {
  const facts = {
    id: row.id,
    platform: row.platform,
    policySha256: row.policy_sha256,
    redirectUri: row.redirect_uri ?? undefined,
    clientId: row.client_id,
    nonce: row.nonce,
    objectId: row.object_id,
    responseId: row.response_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
  const rejections = JSON.parse(row.rejections) as Rejection[]
  const endedAt = row.ended_at ?? 0
  switch (row.state) {
    case 'requested':
      return { ...facts, ...ephemeralKey(row), state: 'requested' }
    case 'retrieved':
      return { ...facts, ...ephemeralKey(row), state: 'retrieved', rejections }
    case 'answered':
      return { ...facts, state: 'answered', endedAt, rejections }
    case 'refused':
      return { ...facts, state: 'refused', endedAt, rejections, reason: row.reason ?? '' }
    case 'expired':
      return { ...facts, state: 'expired', endedAt, rejections }
  }
}

const keySchema = z.object({ kid: z.string() }).loose()

function ephemeralKey(row: RequestRow) {
  const jwk = keySchema.parse(JSON.parse(row.encryption_key ?? 'null'))
  return {
    encryptionKey: {
      ...parsePublicJwk(jwk),
      kid: jwk.kid,
      alg: 'ECDH-ES' as const,
      use: 'enc' as const,
    },
    pkcs8: row.encryption_pkcs8 ?? '',
  }
}

/** An answer as every store keeps it. */
export interface AnswerRow {
  readonly verified_at: number
  readonly vp_token: string
  readonly trust_list_sha256: string
  readonly statuses: string
  readonly acceptance: string
  readonly receipt: string
  readonly commitment_key: string
  readonly response_code_sha256: string | null
  readonly redeemed_at: number | null
}

/** The answer of a row, and of the request that it answers. */
export function toAnswer(row: AnswerRow, { policySha256 }: PresentationRequest): Answer {
  return {
    vpToken: JSON.parse(row.vp_token),
    verifiedAt: row.verified_at,
    policySha256,
    trustListSha256: row.trust_list_sha256,
    statuses: JSON.parse(row.statuses),
    acceptance: JSON.parse(row.acceptance),
    receipt: row.receipt,
    commitmentKey: row.commitment_key,
    responseCodeSha256: row.response_code_sha256 ?? undefined,
    redeemedAt: row.redeemed_at ?? undefined,
  }
}

/** What changes of a request when it moves; its key goes when it ends. */
export function movedColumns(request: PresentationRequest): {
  readonly id: string
  readonly state: PresentationRequest['state']
  readonly rejections: string
  readonly reason: string | null
  readonly endedAt: number | null
  readonly open: 0 | 1
} {
  const { id, state } = request
  return {
    id,
    state,
    rejections: JSON.stringify(state === 'requested' ? [] : request.rejections),
    reason: state === 'refused' ? request.reason : null,
    endedAt: state === 'requested' || state === 'retrieved' ? null : request.endedAt,
    open: state === 'requested' || state === 'retrieved' ? 1 : 0,
  }
}
