import type { NumericDate } from '../../shared/clock.ts'
import type { EcPublicJwk, Es256Signer } from '../../shared/key/signer.ts'
import type { Random } from '../../shared/random.ts'
import {
  type CertificateIssuer,
  issueLeafCertificate,
  issueRootCertificate,
} from '../../shared/trust/certificate.ts'
import type { TrustRole } from '../../shared/trust/role.ts'
import { signTrustList } from '../../shared/trust/trust-list.ts'
import type { FreshKey } from '../world.ts'

/** The roles of which a development PKI has an authority. */
export const PKI_ROLES: readonly TrustRole[] = ['attestation', 'relying-party-access']

const DAY = 86_400
const ROOT_DAYS = 1825
const LEAF_DAYS = 397
const TRUST_LIST_DAYS = 180

/** An authority of one role: its certificate, and the key that signs leaves. */
export interface Authority extends CertificateIssuer {
  readonly role: TrustRole
}

const AUTHORITY_NAMES: Readonly<Record<TrustRole, string>> = {
  attestation: 'Carnet development attestation CA',
  'relying-party-access': 'Carnet development relying-party access CA',
  'wallet-provider': 'Carnet development wallet provider CA',
}

/**
 * Makes the authority of a role. For development and the demonstration: its key lies in a file, where that of a real
 * one lies in hardware and signs in a ceremony.
 */
export async function makeAuthority(
  role: TrustRole,
  { key, random, now }: { key: FreshKey; random: Random; now: NumericDate },
): Promise<Authority> {
  const certificate = await issueRootCertificate({
    subject: { commonName: AUTHORITY_NAMES[role], organisation: 'Carnet development' },
    pkcs8: key.pkcs8,
    notBefore: startOfDay(now),
    notAfter: now + ROOT_DAYS * DAY,
    random,
  })
  return { role, certificate, pkcs8: key.pkcs8 }
}

/** Certifies a key for a role; the chain is the leaf alone, because the anchor is never sent. HAIP 1.0 §6.1.1. */
export async function certify(
  authority: Authority,
  subject: {
    readonly name: string
    readonly publicJwk: EcPublicJwk
    readonly uris: readonly string[]
    readonly dns: readonly string[]
  },
  { random, now }: { random: Random; now: NumericDate },
): Promise<readonly string[]> {
  const leaf = await issueLeafCertificate({
    subject: { commonName: subject.name, organisation: subject.name },
    publicJwk: subject.publicJwk,
    role: authority.role,
    sanUris: subject.uris,
    sanDns: subject.dns,
    notBefore: startOfDay(now),
    notAfter: now + LEAF_DAYS * DAY,
    issuer: authority,
    random,
  })
  return [Buffer.from(leaf).toString('base64')]
}

/** Signs a trust list that grants each authority its role. ETSI TS 119 602. */
export function makeTrustList(
  authorities: readonly Authority[],
  {
    signer,
    sequence,
    now,
    sandbox = false,
  }: { signer: Es256Signer; sequence: number; now: NumericDate; sandbox?: boolean },
): Promise<string> {
  return signTrustList(
    {
      ...(sandbox ? { sandbox } : {}),
      sequence,
      operator: 'Carnet development',
      territory: 'UT',
      issuedAt: now,
      nextUpdate: now + TRUST_LIST_DAYS * DAY,
      entities: [
        {
          name: 'Carnet development',
          services: authorities.map(({ role, certificate }) => ({
            role,
            name: AUTHORITY_NAMES[role],
            status: 'granted',
            from: startOfDay(now),
            certificates: [Buffer.from(certificate).toString('base64')],
          })),
        },
      ],
    },
    signer,
  )
}

/** Certificates begin with the day, so that clocks that differ a little do not refuse a fresh one. */
function startOfDay(now: NumericDate): NumericDate {
  return Math.floor(now / DAY) * DAY
}
