import {
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { CEREMONY_SECONDS } from './account.ts'
import { type CeremonyOptions, PasskeyRefused, type Passkeys } from './passkeys.ts'

/** ES256 and RS256, of which every authenticator has one. COSE Algorithms; WebAuthn Level 3 §5.8.5. */
const ALGORITHMS = [-7, -257]

/** The passkeys of the pages at `origin`. */
export function openPasskeys({ origin, name }: { origin: string; name: string }): Passkeys {
  const rpId = new URL(origin).hostname
  return {
    registrationOptions: async (challenge, account, known) =>
      asJson(
        await generateRegistrationOptions({
          rpName: name,
          rpID: rpId,
          userID: bytesOf(encodeBase64url(account.id)),
          userName: account.name,
          userDisplayName: account.name,
          challenge: bytesOf(challenge),
          timeout: CEREMONY_SECONDS * 1000,
          attestationType: 'none',
          excludeCredentials: known.map(({ id, transports }) => ({
            id,
            transports: [...transports] as AuthenticatorTransport[],
          })),
          authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
          supportedAlgorithmIDs: ALGORITHMS,
        }),
      ),

    signInOptions: async (challenge) =>
      asJson(
        await generateAuthenticationOptions({
          rpID: rpId,
          challenge: bytesOf(challenge),
          timeout: CEREMONY_SECONDS * 1000,
          userVerification: 'required',
        }),
      ),

    verifyRegistration: async (response, expectedChallenge) => {
      const { transports = [] } = response.response
      const verified = await refusing(() =>
        verifyRegistrationResponse({
          response: {
            ...response,
            response: {
              clientDataJSON: response.response.clientDataJSON,
              attestationObject: response.response.attestationObject,
            },
            clientExtensionResults: {},
          },
          expectedChallenge,
          expectedOrigin: origin,
          expectedRPID: rpId,
          expectedType: 'webauthn.create',
          requireUserVerification: true,
          supportedAlgorithmIDs: ALGORITHMS,
        }),
      )
      if (!verified.verified) throw new PasskeyRefused('the attestation does not verify')
      const { credential, credentialDeviceType, credentialBackedUp } = verified.registrationInfo
      return {
        id: credential.id,
        publicKey: credential.publicKey,
        counter: credential.counter,
        isBackupEligible: credentialDeviceType === 'multiDevice',
        isBackedUp: credentialBackedUp,
        transports,
      }
    },

    verifySignIn: async (response, expectedChallenge, { passkey, account }) => {
      const { userHandle } = response.response
      if (userHandle !== undefined && userHandle !== encodeBase64url(account.id)) {
        throw new PasskeyRefused('the passkey is for another account')
      }
      const { clientDataJSON, authenticatorData, signature } = response.response
      const { verified, authenticationInfo } = await refusing(() =>
        verifyAuthenticationResponse({
          response: {
            ...response,
            response: { clientDataJSON, authenticatorData, signature },
            clientExtensionResults: {},
          },
          expectedChallenge,
          expectedOrigin: origin,
          expectedRPID: rpId,
          expectedType: 'webauthn.get',
          requireUserVerification: true,
          credential: {
            id: passkey.id,
            publicKey: Uint8Array.from(passkey.publicKey),
            counter: passkey.counter,
          },
        }),
      )
      if (!verified) throw new PasskeyRefused('the signature does not verify')
      const isBackupEligible = authenticationInfo.credentialDeviceType === 'multiDevice'
      if (isBackupEligible !== passkey.isBackupEligible) {
        throw new PasskeyRefused('the backup eligibility of a passkey never changes')
      }
      return {
        counter: authenticationInfo.newCounter,
        isBackedUp: authenticationInfo.credentialBackedUp,
      }
    },
  }
}

/** The library throws for everything that is wrong with a response; the reason is for the log. */
async function refusing<Result>(verify: () => Promise<Result>): Promise<Result> {
  try {
    return await verify()
  } catch (cause) {
    throw new PasskeyRefused('the response does not verify', { cause })
  }
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64url(text)
  if (bytes === undefined) throw new TypeError('not base64url')
  return Uint8Array.from(bytes)
}

function asJson(options: object): CeremonyOptions {
  return options as CeremonyOptions
}
