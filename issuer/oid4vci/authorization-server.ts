import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NumericDate } from '../../shared/clock.ts'

/** The client that wallets are which redeem a pre-authorized code without authenticating. OpenID4VCI 1.0 §6.1. */
export const ANONYMOUS_CLIENT = 'anonymous'

/** What an access token of ours stands for. */
export interface AccessToken {
  /** The proofing session whose approval it may redeem. */
  readonly sessionId: string
  /** Thumbprint of the DPoP key that it is bound to. */
  readonly jkt: string
  readonly clientId: string
  readonly scope: string
}

/** The authorization server as the rest of the issuer sees it. */
export interface AuthorizationServer {
  /** Answers a request to the token endpoint, whose form body was read. */
  answerTokenRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Makes a pre-authorized code redeemable once, with its transaction code, until it expires. OpenID4VCI 1.0 §3.5. */
  authorize(grant: {
    readonly sessionId: string
    readonly code: string
    readonly expiresAt: NumericDate
  }): Promise<void>
  /** The token with this value; `undefined` for one that is unknown, expired, revoked or of another resource. */
  accessToken(value: string): Promise<AccessToken | undefined>
}
