import type { NumericDate } from '../clock.ts'

/** What a certificate may be used for in this ecosystem. Each role has its own anchors. */
export type TrustRole = 'attestation' | 'relying-party-access' | 'wallet-provider'

/** The anchors (certificates in DER) that a trust list named for a role at a moment. */
export type AnchorsAt = (role: TrustRole, at: NumericDate) => readonly Uint8Array[]

/** The decentralized identifiers that a trust list named for a role at a moment. */
export type DidsAt = (role: TrustRole, at: NumericDate) => readonly string[]

/**
 * The extended key usage that a leaf of each role carries, in the arc that X.667 gives to the holder of a UUID. A leaf
 * with an extended key usage extension must name its role's; one without is judged by its anchor alone. RFC 5280 §4.2.1.12.
 */
export const ROLE_KEY_PURPOSE: Readonly<Record<TrustRole, string>> = {
  attestation: '2.25.248888734210120599795248360950901492474.1',
  'relying-party-access': '2.25.248888734210120599795248360950901492474.2',
  'wallet-provider': '2.25.248888734210120599795248360950901492474.3',
}
