import type { Request } from 'express'
import { rateLimit } from 'express-rate-limit'
import { z } from 'zod'
import { encodeBase64url } from '../base64url.ts'
import type { Clock } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import { type Endpoint, endpoint } from '../http/endpoint.http.ts'
import type { Log } from '../log.ts'
import { Problem } from '../problem.ts'
import type { Random } from '../random.ts'
import {
  type Account,
  CEREMONY_SECONDS,
  type Ceremony,
  type NewSession,
  type PageSession,
  SESSION_LIMITS,
  type SessionLimits,
} from './account.ts'
import {
  ceremonyOf,
  clearSession,
  requireOwnOrigin,
  requirePageSession,
  sessionIdOf,
  setCeremony,
  setSession,
} from './page-session.http.ts'
import {
  PasskeyRefused,
  type Passkeys,
  type RegistrationResponse,
  type SignInResponse,
} from './passkeys.ts'
import type { AccountStore } from './store.ts'
import type { InvitationView, SessionView } from './view.ts'

/** What the endpoints of a page's sign-in work with. */
export interface SignInDeps {
  readonly accounts: AccountStore
  readonly passkeys: Passkeys
  /** Of the pages. */
  readonly origin: string
  /** The path below which the page and these endpoints are, such as `/operator`. */
  readonly base: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly limits?: SessionLimits
  /** Ceremonies that one address may begin or end in a minute. */
  readonly perMinute?: number
}

const PER_MINUTE = 30
const MAX_BODY_BYTES = 32_768
const SECRET_BYTES = 32

const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\w-]+$/, 'is not base64url')
const credentialId = base64url(1364)
const code = base64url(64)

const registrationSchema: z.ZodType<{
  readonly code: string
  readonly credential: RegistrationResponse
}> = z.strictObject({
  code,
  credential: z.object({
    id: credentialId,
    rawId: credentialId,
    type: z.literal('public-key'),
    response: z.object({
      clientDataJSON: base64url(4096),
      attestationObject: base64url(16_384),
      transports: z.array(z.string().max(32)).max(8).optional(),
    }),
  }),
})

const signInSchema: z.ZodType<SignInResponse> = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON: base64url(4096),
    authenticatorData: base64url(4096),
    signature: base64url(2048),
    userHandle: base64url(128).optional(),
  }),
})

const role = z.enum(['operator', 'reviewer'])
const sessionView: z.ZodType<SessionView> = z
  .strictObject({
    account: z.string(),
    role,
    endsAt: z.int(),
    idleSeconds: z.int(),
    sessions: z.int(),
    passkeys: z.array(
      z.strictObject({
        createdAt: z.int(),
        lastUsedAt: z.int().optional(),
        isBackedUp: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'PageSession' })
const invitationView: z.ZodType<InvitationView> = z.strictObject({ account: z.string(), role })
const optionsSchema = z
  .record(z.string(), z.unknown())
  .meta({ id: 'CeremonyOptions', description: 'WebAuthn Level 3 §5.1.8, §5.1.9.' })
const cookieHeader = { 'Set-Cookie': 'Of this host alone, out of reach for scripts.' }

/**
 * Registration by invitation, signing in, and signing out. A challenge is bound to the browser that asked for it and
 * serves once, whatever comes of it.
 */
export function signInEndpoints(deps: SignInDeps): Endpoint[] {
  const { accounts, passkeys, origin, base, clock, random, log } = deps
  const limits = deps.limits ?? SESSION_LIMITS
  const limit = limitCeremonies(deps.perMinute ?? PER_MINUTE)
  /** Nobody is signed in yet; the cookies of another site's making are refused all the same. */
  const stranger = (request: Request) => {
    requireOwnOrigin(request, origin)
    return { ceremony: ceremonyOf(request), earlier: sessionIdOf(request) }
  }
  const whoever = {
    scheme: 'pageSession' as const,
    authenticate: (request: Request) =>
      requirePageSession(request, { accounts, origin, clock, limits }),
  }

  async function beginCeremony(
    kind: Ceremony['kind'],
  ): Promise<{ challenge: string; cookie: string }> {
    const [id, challenge] = [secret(random), secret(random)]
    await accounts.beginCeremony({
      idSha256: sha256Base64url(id),
      kind,
      challenge,
      expiresAt: clock() + CEREMONY_SECONDS,
    })
    return { challenge, cookie: setCeremony(id, CEREMONY_SECONDS) }
  }

  async function takeChallenge(kind: Ceremony['kind'], id: string | undefined): Promise<string> {
    const begun =
      id === undefined ? undefined : await accounts.takeCeremony(sha256Base64url(id), clock())
    if (begun?.kind !== kind) {
      throw new Problem('sign_in_failed', 'begin again: the browser was asked too long ago')
    }
    return begun.challenge
  }

  function newSession(): { session: NewSession; cookie: string } {
    const [id, now] = [secret(random), clock()]
    const endsAt = now + limits.endSeconds
    return {
      session: {
        idSha256: sha256Base64url(id),
        idleUntil: Math.min(now + limits.idleSeconds, endsAt),
        endsAt,
      },
      cookie: setSession(id),
    }
  }

  async function view(session: Pick<PageSession, 'account' | 'endsAt'>): Promise<SessionView> {
    const { account, endsAt } = session
    const known = await accounts.passkeys(account.id)
    return {
      account: account.name,
      role: account.role,
      endsAt,
      idleSeconds: limits.idleSeconds,
      sessions: await accounts.countSessions(account.id, clock()),
      passkeys: known.map(({ createdAt, lastUsedAt, isBackedUp }) => ({
        createdAt,
        lastUsedAt,
        isBackedUp,
      })),
    }
  }

  /** Whoever signs in again gets another identifier, and the one before stops working. */
  async function begun(
    account: Account,
    { session, cookie }: ReturnType<typeof newSession>,
    earlier: string | undefined,
  ) {
    if (earlier !== undefined) await accounts.endSession(earlier)
    log.info({ account: account.id, role: account.role }, 'signed in')
    return {
      status: 200 as const,
      body: await view({ account, endsAt: session.endsAt }),
      headers: { 'Set-Cookie': cookie },
    }
  }

  async function invited(given: string): Promise<Account> {
    const account = await accounts.invitation(sha256Base64url(given), clock())
    if (account === undefined) throw new Problem('invitation_invalid', 'ask for a new invitation')
    return account
  }

  return [
    endpoint({
      method: 'post',
      path: `${base}/registration/options`,
      operationId: 'beginRegistration',
      tag: 'sign-in',
      summary: 'What a browser makes a passkey with, for whoever was invited',
      recognise: stranger,
      limit,
      body: { schema: z.strictObject({ code }), maxBytes: 1024 },
      responses: {
        200: {
          description: 'For whom the invitation is, and the options',
          schema: z.strictObject({ invitation: invitationView, options: optionsSchema }),
          headers: cookieHeader,
        },
      },
      problems: ['invitation_invalid', 'origin_refused', 'too_many_requests'],
      handle: async ({ body }) => {
        const account = await invited(body.code)
        const known = await accounts.passkeys(account.id)
        const { challenge, cookie } = await beginCeremony('registration')
        return {
          status: 200,
          body: {
            invitation: { account: account.name, role: account.role },
            options: await passkeys.registrationOptions(challenge, account, known),
          },
          headers: { 'Set-Cookie': cookie },
        }
      },
    }),
    endpoint({
      method: 'post',
      path: `${base}/registration`,
      operationId: 'register',
      tag: 'sign-in',
      summary: 'Redeem an invitation for a passkey, and sign in with it',
      recognise: stranger,
      limit,
      body: { schema: registrationSchema, maxBytes: MAX_BODY_BYTES },
      responses: {
        200: { description: 'Signed in', schema: sessionView, headers: cookieHeader },
      },
      problems: ['invitation_invalid', 'sign_in_failed', 'origin_refused', 'too_many_requests'],
      handle: async ({ body, caller: { ceremony, earlier } }) => {
        const account = await invited(body.code)
        const challenge = await takeChallenge('registration', ceremony)
        const passkey = await refused(passkeys.verifyRegistration(body.credential, challenge))
        const next = newSession()
        const codeSha256 = sha256Base64url(body.code)
        const isRegistered = await accounts.register(
          { codeSha256, passkey, session: next.session },
          clock(),
        )
        if (!isRegistered) throw new Problem('invitation_invalid', 'ask for a new invitation')
        log.info({ account: account.id, role: account.role }, 'a passkey was made')
        return begun(account, next, earlier)
      },
    }),
    endpoint({
      method: 'post',
      path: `${base}/sign-in/options`,
      operationId: 'beginSignIn',
      tag: 'sign-in',
      summary: 'What a browser uses a passkey with',
      recognise: stranger,
      limit,
      responses: {
        200: { description: 'The options', schema: optionsSchema, headers: cookieHeader },
      },
      problems: ['origin_refused', 'too_many_requests'],
      handle: async () => {
        const { challenge, cookie } = await beginCeremony('sign-in')
        return {
          status: 200,
          body: await passkeys.signInOptions(challenge),
          headers: { 'Set-Cookie': cookie },
        }
      },
    }),
    endpoint({
      method: 'post',
      path: `${base}/sign-in`,
      operationId: 'signIn',
      tag: 'sign-in',
      summary: 'Sign in with a passkey',
      recognise: stranger,
      limit,
      body: { schema: signInSchema, maxBytes: MAX_BODY_BYTES },
      responses: {
        200: { description: 'Signed in', schema: sessionView, headers: cookieHeader },
      },
      problems: ['sign_in_failed', 'origin_refused', 'too_many_requests'],
      handle: async ({ body, caller: { ceremony, earlier } }) => {
        const challenge = await takeChallenge('sign-in', ceremony)
        const known = await accounts.passkey(body.id)
        if (known === undefined) throw notSignedIn()
        const { account, passkey } = known
        const { counter, isBackedUp } = await refused(passkeys.verifySignIn(body, challenge, known))
        const next = newSession()
        const isIn = await accounts.signIn(
          {
            passkeyId: passkey.id,
            expectedCounter: passkey.counter,
            counter,
            isBackedUp,
            session: next.session,
          },
          clock(),
        )
        if (!isIn) throw notSignedIn()
        return begun(account, next, earlier)
      },
    }),
    endpoint({
      method: 'get',
      path: `${base}/session`,
      operationId: 'getSession',
      tag: 'sign-in',
      summary: 'Who is signed in',
      security: whoever,
      responses: { 200: { description: 'The session', schema: sessionView } },
      problems: ['origin_refused'],
      handle: async ({ caller }) => ({ status: 200, body: await view(caller) }),
    }),
    endpoint({
      method: 'delete',
      path: `${base}/session`,
      operationId: 'signOut',
      tag: 'sign-in',
      summary: 'Sign out',
      security: whoever,
      responses: { 204: { description: 'The session has ended', headers: cookieHeader } },
      problems: ['origin_refused'],
      handle: async ({ caller }) => {
        await accounts.endSession(caller.idSha256)
        log.info({ account: caller.account.id }, 'signed out')
        return { status: 204, headers: { 'Set-Cookie': clearSession() } }
      },
    }),
    endpoint({
      method: 'delete',
      path: `${base}/sessions`,
      operationId: 'signOutEverywhere',
      tag: 'sign-in',
      summary: 'End every session of this account',
      security: whoever,
      responses: { 204: { description: 'They have ended', headers: cookieHeader } },
      problems: ['origin_refused'],
      handle: async ({ caller }) => {
        await accounts.endSessions(caller.account.name, clock())
        log.info({ account: caller.account.id }, 'signed out everywhere')
        return { status: 204, headers: { 'Set-Cookie': clearSession() } }
      },
    }),
  ]
}

function secret(random: Random): string {
  return encodeBase64url(random(SECRET_BYTES))
}

/** One answer for every reason, so that nothing can be learned of who has a passkey here. */
function notSignedIn(cause?: unknown): Problem {
  return new Problem('sign_in_failed', 'use a passkey of this server, or ask for an invitation', {
    cause,
  })
}

async function refused<Result>(verifying: Promise<Result>): Promise<Result> {
  try {
    return await verifying
  } catch (error) {
    if (error instanceof PasskeyRefused) throw notSignedIn(error)
    throw error
  }
}

function limitCeremonies(perMinute: number) {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    validate: { xForwardedForHeader: false },
    handler: () => {
      throw new Problem('too_many_requests', 'wait for as many seconds as Retry-After says')
    },
  })
}
