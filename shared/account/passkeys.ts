import type { Account, KnownPasskey, Passkey } from './account.ts'

/** What a browser is told to make or use a passkey, as JSON. WebAuthn Level 3 §5.1.8, §5.1.9. */
export type CeremonyOptions = Readonly<Record<string, unknown>>

/** What a browser answers after a passkey was made. WebAuthn Level 3 §5.1 "RegistrationResponseJSON". */
export interface RegistrationResponse {
  readonly id: string
  readonly rawId: string
  readonly type: 'public-key'
  readonly response: {
    readonly clientDataJSON: string
    readonly attestationObject: string
    readonly transports?: readonly string[] | undefined
  }
}

/** What a browser answers after a passkey was used. WebAuthn Level 3 §5.1 "AuthenticationResponseJSON". */
export interface SignInResponse {
  readonly id: string
  readonly rawId: string
  readonly type: 'public-key'
  readonly response: {
    readonly clientDataJSON: string
    readonly authenticatorData: string
    readonly signature: string
    readonly userHandle?: string | undefined
  }
}

/** A response does not prove what it should. The message is for the log. */
export class PasskeyRefused extends Error {
  override readonly name = 'PasskeyRefused'
}

/** A relying party: one origin, whose host passkeys are bound to. WebAuthn Level 3 §1.1. */
export interface Passkeys {
  /** Asks for a passkey that is found without a name and unlocked by its user. */
  registrationOptions(
    challenge: string,
    account: Account,
    known: readonly Passkey[],
  ): Promise<CeremonyOptions>
  signInOptions(challenge: string): Promise<CeremonyOptions>
  /** WebAuthn Level 3 §7.1; attestation is not asked for. @throws PasskeyRefused */
  verifyRegistration(response: RegistrationResponse, expectedChallenge: string): Promise<Passkey>
  /**
   * WebAuthn Level 3 §7.2: signed by this passkey for this challenge and origin, its user verified, its counter higher
   * than the last one where it counts, its backup eligibility as it was. @throws PasskeyRefused
   */
  verifySignIn(
    response: SignInResponse,
    expectedChallenge: string,
    expected: { readonly passkey: KnownPasskey; readonly account: Account },
  ): Promise<{ readonly counter: number; readonly isBackedUp: boolean }>
}
