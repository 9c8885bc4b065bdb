import { generateEs256Key } from '../../shared/key/signer.software.ts'
import type { Es256Signer } from '../../shared/key/signer.ts'
import { systemRandom } from '../../shared/random.ts'
import {
  type CertificateIssuer,
  issueLeafCertificate,
  issueRootCertificate,
} from '../../shared/trust/certificate.ts'
import type { AnchorsAt, TrustRole } from '../../shared/trust/role.ts'

/** 2026-07-01T00:00:00Z, the present of these tests. */
export const NOW = 1_782_864_000
const DAY = 86_400

/** A root, and leaves under it, made once for a test file. */
export interface TestAuthority extends CertificateIssuer {
  readonly role: TrustRole
  readonly anchors: AnchorsAt
  leaf(options?: {
    signer?: Es256Signer
    role?: TrustRole
    sanUris?: readonly string[]
    sanDns?: readonly string[]
    notBefore?: number
    notAfter?: number
  }): Promise<{ signer: Es256Signer; der: Uint8Array; x5c: string[] }>
}

/** Makes an authority of one role whose certificate is valid for a year on both sides of `now`. */
export async function testAuthority(
  role: TrustRole,
  commonName = `Test ${role} CA`,
  now: number = NOW,
): Promise<TestAuthority> {
  const { pkcs8 } = generateEs256Key()
  const certificate = await issueRootCertificate({
    subject: { commonName, organisation: 'Carnet test', country: 'UT' },
    pkcs8,
    notBefore: now - 365 * DAY,
    notAfter: now + 365 * DAY,
    random: systemRandom,
  })
  return {
    role,
    certificate,
    pkcs8,
    anchors: (asked) => (asked === role ? [certificate] : []),
    async leaf({
      signer = generateEs256Key().signer,
      role: leafRole = role,
      sanUris = ['https://issuer.example'],
      sanDns = ['issuer.example'],
      notBefore = now - 30 * DAY,
      notAfter = now + 90 * DAY,
    } = {}) {
      const der = await issueLeafCertificate({
        subject: { commonName: 'Test leaf', organisation: 'Carnet test' },
        publicJwk: signer.publicJwk,
        role: leafRole,
        sanUris,
        sanDns,
        notBefore,
        notAfter,
        issuer: { certificate, pkcs8 },
        random: systemRandom,
      })
      return { signer, der, x5c: [Buffer.from(der).toString('base64')] }
    },
  }
}
