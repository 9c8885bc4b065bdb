/** The person closed the browser's dialogue, or there was no fitting passkey. */
export class PasskeyCancelled extends Error {
  override readonly name = 'PasskeyCancelled'
}

/** Whether this browser can make and use passkeys on this page. */
export function hasPasskeys(): boolean {
  return (
    isSecureContext &&
    typeof PublicKeyCredential === 'function' &&
    'parseCreationOptionsFromJSON' in PublicKeyCredential
  )
}

/** Makes a passkey as the server asks for it, and answers what the server verifies. WebAuthn Level 3 §5.1.3. */
export async function makePasskey(
  options: PublicKeyCredentialCreationOptionsJSON,
): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  return answerOf(() => navigator.credentials.create({ publicKey }))
}

/** Lets the person choose a passkey and unlock it, and answers what the server verifies. WebAuthn Level 3 §5.1.4. */
export async function usePasskey(options: PublicKeyCredentialRequestOptionsJSON): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  return answerOf(() => navigator.credentials.get({ publicKey }))
}

async function answerOf(ask: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const credential = await ask()
    if (credential instanceof PublicKeyCredential) return credential.toJSON()
  } catch (cause) {
    throw new PasskeyCancelled('no passkey was used', { cause })
  }
  throw new PasskeyCancelled('no passkey was used')
}
