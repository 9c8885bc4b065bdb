import { isIP } from 'node:net'
import { z } from 'zod'
import { type NumericDate, parseDateTime } from '../shared/clock.ts'
import {
  type OperationSettings,
  operationSettings,
  operatorListener,
} from '../shared/observe/settings.ts'
import { parseStoreLocation, storeLocation } from '../shared/store/location.ts'
import type { Tenancy } from '../shared/tenant/choice.ts'
import { tenantsSchema } from '../shared/tenant/settings.ts'
import { type WebhookSettings, webhookSettings } from '../shared/webhook/settings.ts'
import { DEFAULT_CADENCE } from './status/publish.ts'

const path = z.string().min(1)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal')
const origin = z
  .url({ protocol: /^https?$/ })
  .refine((text) => new URL(text).origin === text, 'has a path; give scheme, host and port alone')

/** Passkeys are bound to a domain and need a secure context, which of plain HTTP is localhost alone. WebAuthn Level 3 §5.1.3. */
const pageOrigin = origin.refine((text) => {
  const { protocol, hostname } = new URL(text)
  const isName = isIP(hostname) === 0 && !hostname.startsWith('[')
  return isName && (protocol === 'https:' || hostname === 'localhost')
}, 'is neither https with a domain name nor http://localhost')

/** A key on a PKCS#11 token, which stays there. `CARNET_PKCS11_PIN` has the PIN. */
export interface TokenKey {
  readonly pkcs11: {
    /** The module's shared library. */
    readonly module: string
    /** The label of the token. */
    readonly token: string
    /** The label of the key on it. */
    readonly label: string
  }
}

const network = z
  .string()
  .refine(isNetwork, 'is neither an address nor a network such as 10.0.0.0/8')

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  const bits = version === 4 ? 32 : 128
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
}

/** A signing key and the chain that certifies it. */
export interface AttestationKey {
  /** A file (PKCS#8 PEM, P-256), or a key on a PKCS#11 token. */
  readonly key: string | TokenKey
  /** A file of certificates (PEM, leaf first, without the anchor). */
  readonly chain: string
}

/** Where faces are kept for searching. */
export interface FaceIndexSettings {
  /** An SQLite file of its own, or a PostgreSQL database or schema of its own, which several servers share. */
  readonly database: string
  /** A file of 32 bytes in base64url, of this purpose alone: templates are sealed under it. */
  readonly key: string
  /** Days after which each face is forgotten. */
  readonly days: number
  /** Cosine from which a person looks. No rate is measured among many faces. */
  readonly threshold: number
}

/** Everything that `carnet-issuer serve` reads; docs/issuer.md says it in words. Paths are meant from the file. */
export interface IssuerConfig extends OperationSettings {
  /** Where `/metrics`, `/healthz` and `/readyz` are answered, and the operator's page; nowhere where nothing is said. */
  readonly operator?:
    | {
        /** The address to bind. All but the page asks for no key: only the operator's machines may reach it. */
        readonly host: string
        /** The port to bind. */
        readonly port: number
        /**
         * How browsers reach this listener: `https` and a domain name, or `http://localhost` and a port. With it, the
         * operator's page is served there, and passkeys are bound to its host.
         */
        readonly origin?: string | undefined
        /**
         * Where the accounts are kept that sign in there; in `database` where nothing is said. A program of several
         * tenants needs a database for them, as they are nobody's.
         */
        readonly accounts?: string | undefined
      }
    | undefined
  /** The Credential Issuer Identifier: where wallets reach this issuer, without a path. */
  readonly baseUrl: string
  readonly listen: {
    /** The address to bind; behind a TLS proxy `baseUrl` is the public one, and the proxy passes `Host` on. */
    readonly host: string
    /** The port to bind; 0 lets the system choose. */
    readonly port: number
    /** Addresses and networks (CIDR) whose `X-Forwarded-For` is believed; nobody's where nothing is said. */
    readonly trustedProxies: readonly string[]
  }
  /** Where everything is kept: a path or `sqlite:PATH`, or `postgres://…` for several servers on one database. */
  readonly database: string
  /** Who issues, as the credential and the metadata say it. */
  readonly authority: {
    /** The name that a holder reads. */
    readonly name: string
    /** ISO 3166-1 alpha-2. */
    readonly country: string
  }
  /** The attestation key (PKCS#8 PEM) and its chain (PEM, leaf first, without the anchor). Status lists are signed with it too. */
  readonly attestation: AttestationKey & {
    /** The key that takes over at a moment; what the older one signed stays verifiable beside it. */
    readonly successor?:
      | (AttestationKey & {
          /** A UTC date-time such as `2026-07-01T00:00:00Z`, from which it signs. */
          readonly from: NumericDate
        })
      | undefined
  }
  /** The Ed25519 key (PKCS#8 PEM) that signs the audit log. */
  readonly logKey: string
  /** Where the last signed checkpoint is kept apart from the database; beside it where nothing is said. */
  readonly logMark?: string | undefined
  /** Who is told what happens here; nobody where nothing is said. */
  readonly webhooks?: WebhookSettings | undefined
  /** Who must have seen a checkpoint of the audit log before it is served; nobody where nothing is said. */
  readonly witnesses?:
    | {
        /** How many of them must have cosigned. */
        readonly quorum: number
        /** All that are asked. */
        readonly of: readonly {
          /** Where the witness is (C2SP tlog-witness). */
          readonly url: string
          /** Its verifier key (C2SP signed-note). */
          readonly key: string
        }[]
      }
    | undefined
  /** The signed trust list that this issuer is on, and the public JWK of whoever signed it. */
  readonly trustList: {
    /** The signed list (JWT); what it says when the server starts is what counts. */
    readonly file: string
    /** The signer's public JWK. */
    readonly signer: string
  }
  /** Lists to screen against; a pinned digest refuses another file. The package's made-up list where nothing is said. */
  readonly watchlists: readonly {
    /** A list in the format of the package's own. */
    readonly file: string
    /** The digest of the file in hexadecimal; with it, another file is refused. */
    readonly sha256?: string | undefined
  }[]
  /**
   * The workflow of new sessions, which end under the version they began with; `identity-passport/1` where nothing is said. The
   * package also has `issuer/decision/workflows/identity-documents.1.json`, for identity cards and driving licences.
   */
  readonly workflow?: string | undefined
  readonly status: {
    /** Seconds between publications, which become `ttl`. */
    readonly intervalSeconds: number
    /** Seconds for which a token may be used when no newer one can be had. */
    readonly validitySeconds: number
    /** Entries of a list that belong to nobody and are revoked now and then, so that counts tell little. */
    readonly decoys: number
    /** Entries of a list. Small lists make a crowd too small to hide in. */
    readonly listSize: number
    /** Whether anybody may ask what a list said at a time while its credentials live; the regulator always may. */
    readonly history: boolean
  }
  readonly sessions: {
    /** Seconds for which images may be sent. */
    readonly seconds: number
    /** How many sessions may be open. */
    readonly maxOpen: number
    /** New sessions that one address may begin in a minute. */
    readonly perMinute: number
    /** New sessions that one platform may begin in a minute with its key. */
    readonly platformPerMinute: number
  }
  readonly evidence: {
    /** A manifest of other models; the package's own where nothing is said. */
    readonly manifest?: string | undefined
    /** Whether networks of undocumented origin may run. Without them liveness is not assured. */
    readonly undocumentedModels: boolean
    /** Threads that read images, each with its own networks. */
    readonly workers: number
    /**
     * Whether it is remembered, as keyed digests, which documents and portraits were seen, so that one which comes back with
     * other data is referred. Nothing is where nothing is said. Biometric data: it needs a purpose and an assessment of its own.
     */
    readonly seenDocuments?:
      | {
          /** An SQLite file of its own, or a PostgreSQL database or schema of its own, which several servers share. */
          readonly database: string
          /** A file of 32 bytes in base64url. */
          readonly key: string
          /** Days after which each is forgotten. */
          readonly days: number
        }
      | undefined
    /**
     * Whether faces are kept for a search 1:N among them. None is where nothing is said. Biometric data: it needs a purpose
     * and an assessment of its own.
     */
    readonly faceIndex?: FaceIndexSettings | undefined
  }
  /** Whether it is a sandbox: fixed people with fixed outcomes, and credentials that say so. docs/sandbox.md. */
  readonly sandbox: boolean
  /** How much is written to standard error: a JSON line for each request at `info`. */
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
}

const statusSchema = z.strictObject({
  intervalSeconds: z.int().min(1).max(86_400).default(DEFAULT_CADENCE.intervalSeconds),
  validitySeconds: z.int().min(2).max(604_800).default(DEFAULT_CADENCE.validitySeconds),
  decoys: z.int().min(0).max(100_000).default(64),
  listSize: z
    .int()
    .min(1024)
    .max(2 ** 24)
    .default(2 ** 20),
  history: z.boolean().default(true),
})

const sessionsSchema = z.strictObject({
  seconds: z.int().min(60).max(86_400).default(1800),
  maxOpen: z.int().min(1).max(100_000).default(1000),
  perMinute: z.int().min(1).max(100_000).default(20),
  platformPerMinute: z.int().min(1).max(100_000).default(600),
})

const reading = {
  manifest: path.optional(),
  undocumentedModels: z.boolean().default(true),
  workers: z.int().min(1).max(64).default(2),
}
const evidenceSchema = z.strictObject({
  ...reading,
  seenDocuments: z
    .strictObject({ database: storeLocation, key: path, days: z.int().min(1).max(3650) })
    .optional(),
  faceIndex: z
    .strictObject({
      database: storeLocation,
      key: path,
      days: z.int().min(1).max(3650),
      threshold: z.number().min(0.3).max(1).default(0.6),
    })
    .optional(),
})

const tokenKeySchema = z.strictObject({
  module: path,
  token: z.string().min(1).max(32),
  label: z.string().min(1).max(128),
})

const attestationKey = {
  key: z.union([path, z.strictObject({ pkcs11: tokenKeySchema })], {
    error: 'is neither a file nor a key on a PKCS#11 token',
  }),
  chain: path,
}

const moment = z.string().transform((text, context): NumericDate => {
  const at = parseDateTime(text)
  if (at === undefined) context.addIssue('is no UTC date-time such as 2026-07-01T00:00:00Z')
  return at ?? 0
})

/** What is of a program and not of an issuer. */
const programSettings = {
  listen: z.strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535),
    trustedProxies: z.array(network).max(64).default([]),
  }),
  ...operationSettings,
  operator: z
    .strictObject({
      ...operatorListener,
      origin: pageOrigin.optional(),
      accounts: storeLocation.optional(),
    })
    .optional(),
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
}

export const issuerConfigSchema: z.ZodType<IssuerConfig> = z.strictObject({
  baseUrl: origin,
  database: storeLocation,
  authority: z.strictObject({
    name: z.string().min(1).max(128),
    country: z.string().regex(/^[A-Z]{2}$/, 'is no ISO 3166-1 alpha-2 code'),
  }),
  attestation: z.strictObject({
    ...attestationKey,
    successor: z.strictObject({ ...attestationKey, from: moment }).optional(),
  }),
  logKey: path,
  logMark: path.optional(),
  webhooks: webhookSettings,
  witnesses: z
    .strictObject({
      quorum: z.int().min(1).max(64),
      of: z
        .array(z.strictObject({ url: z.url({ protocol: /^https?$/ }), key: z.string().min(1) }))
        .max(64),
    })
    .refine(({ quorum, of }) => quorum <= of.length, 'asks for more witnesses than it names')
    .optional(),
  trustList: z.strictObject({ file: path, signer: path }),
  watchlists: z
    .array(z.strictObject({ file: path, sha256: sha256.optional() }))
    .min(1, 'names no list, so nobody would be screened')
    .optional()
    .transform((lists) => lists ?? []),
  workflow: path.optional(),
  status: statusSchema
    .refine(
      ({ intervalSeconds, validitySeconds }) => validitySeconds > intervalSeconds,
      'validitySeconds must be more than intervalSeconds, or there are times without a valid list',
    )
    .prefault({}),
  sessions: sessionsSchema.prefault({}),
  evidence: evidenceSchema.prefault({}),
  sandbox: z.boolean().default(false),
  ...programSettings,
})

/** What `carnet-issuer serve` reads where one program serves several tenants. What is said here holds for all of them, whatever their own files say. */
export interface IssuerHostConfig
  extends Pick<IssuerConfig, 'listen' | 'operator' | 'stop' | 'logLevel'> {
  /** Which networks read images, and how many at a time. */
  readonly evidence: Pick<IssuerConfig['evidence'], 'manifest' | 'undocumentedModels' | 'workers'>
  /** Each tenant's name, and the file of its configuration. */
  readonly tenants: Readonly<Record<string, string>>
}

export const issuerHostSchema: z.ZodType<IssuerHostConfig> = z
  .strictObject({
    ...programSettings,
    evidence: z.strictObject(reading).prefault({}),
    tenants: tenantsSchema,
  })
  .refine(({ operator }) => operator?.origin === undefined || operator.accounts !== undefined, {
    path: ['operator', 'accounts'],
    message:
      'must be set: the accounts of a page for several tenants are in none of their databases',
  })

/** What holds for every tenant, over what its own file says. */
export const sharedByIssuers: Tenancy<IssuerHostConfig>['shared'] = (
  { tenants: _each, evidence, operator, ...host },
  at,
) => {
  const { manifest } = evidence
  const location = parseStoreLocation(operator?.accounts ?? '')
  const accounts = location?.engine === 'sqlite' ? at(location.path) : (operator?.accounts ?? null)
  // What the host does not set is not what a tenant's file sets either.
  const shared = {
    ...host,
    operator: operator ? { ...operator, origin: operator.origin ?? null, accounts } : null,
    evidence: { ...evidence, manifest: manifest === undefined ? null : at(manifest) },
  }
  return JSON.parse(JSON.stringify(shared))
}
