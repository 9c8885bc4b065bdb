import { z } from 'zod'
import { type OperationSettings, operationSettings } from '../shared/observe/settings.ts'
import { storeLocation } from '../shared/store/location.ts'
import type { Tenancy } from '../shared/tenant/choice.ts'
import { tenantsSchema } from '../shared/tenant/settings.ts'
import { type WebhookSettings, webhookSettings } from '../shared/webhook/settings.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal')
const origin = z
  .url({ protocol: /^https?$/ })
  .refine((text) => new URL(text).origin === text, 'has a path; give scheme, host and port alone')

/** Everything that `carnet-verifier serve` reads; docs/verifier.md says it in words. */
export interface VerifierConfig extends OperationSettings {
  /** Where wallets and platforms reach this verifier, without a path. */
  readonly baseUrl: string
  readonly listen: {
    /** The address to bind; behind a TLS proxy `baseUrl` is the public one, and the proxy passes `Host` on. */
    readonly host: string
    /** The port to bind; 0 lets the system choose. */
    readonly port: number
  }
  /** Where everything is kept: a path or `sqlite:PATH`, or `postgres://…` for several servers on one database. */
  readonly database: string
  /** The access certificate's key (PKCS#8 PEM) and chain (PEM, leaf first, without the anchor). */
  readonly access: {
    /** A file (PKCS#8 PEM, P-256). */
    readonly key: string
    /** A file of certificates (PEM, leaf first, without the anchor). */
    readonly chain: string
  }
  /** A file or address of the signed trust list, and the file of its signer's public JWK. */
  readonly trustList: {
    /** A file, or an HTTPS address such as the issuer's `/trust-list`. */
    readonly source: string
    /** The signer's public JWK, a file. */
    readonly signer: string
    /** Files of keys that signed it before, for answers that rest on older lists. */
    readonly formerSigners: readonly string[]
    /** How often it is read again. An older list than the one held is never taken, after a restart neither. */
    readonly refreshSeconds: number
  }
  /** The Ed25519 key (PKCS#8 PEM) that signs this verifier's audit log. */
  readonly logKey: string
  /** Where the last signed checkpoint is remembered outside of the database; beside it unless said otherwise. */
  readonly logMark?: string | undefined
  /** Who is told what happens here; nobody where nothing is said. */
  readonly webhooks?: WebhookSettings | undefined
  /** Keys of platform systems beside those that the store has; `carnet-verifier keys api` makes name and digest. */
  readonly apiKeys: readonly {
    /** The system; two keys of one name belong to one system, so that a key can be replaced. */
    readonly name: string
    /** The digest of the key in hexadecimal. */
    readonly sha256: string
  }[]
  /** The policy of a request that names none. */
  readonly defaultPolicy: string
  /** A folder of further policy files. */
  readonly policies?: string | undefined
  /** Origins that a platform may have the browser sent back to. */
  readonly redirectOrigins: readonly string[]
  /** Seconds in which a request is answered. */
  readonly requestLifetimeSeconds: number
  /** Days after which an answer is erased; without it, only the platform erases. What has no answer goes after 30 days. */
  readonly answerRetentionDays?: number | undefined
  /** True on one machine only: status lists and trust lists may then be at private addresses and plain HTTP. */
  readonly allowPrivateNetworks: boolean
  /** Whether it trusts a sandbox, and asks for what a sandbox issues, and nothing else. docs/sandbox.md. */
  readonly sandbox: boolean
  /** How much is written to standard error: at `info` a JSON line for each request, without identifiers of requests or persons. */
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
}

/** What is of a program and not of a verifier. */
const programSettings = {
  listen: z.strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535),
  }),
  ...operationSettings,
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
}

export const verifierConfigSchema: z.ZodType<VerifierConfig> = z.strictObject({
  baseUrl: origin,
  database: storeLocation,
  access: z.strictObject({ key: z.string().min(1), chain: z.string().min(1) }),
  trustList: z.strictObject({
    source: z.string().min(1),
    signer: z.string().min(1),
    formerSigners: z.array(z.string().min(1)).max(16).default([]),
    refreshSeconds: z.int().min(1).max(86_400).default(300),
  }),
  logKey: z.string().min(1),
  logMark: z.string().min(1).optional(),
  webhooks: webhookSettings,
  apiKeys: z
    .array(z.strictObject({ name: z.string().regex(/^[\w.-]{1,64}$/), sha256 }))
    .max(1000)
    .default([]),
  defaultPolicy: z.string().default('gig-identity'),
  policies: z.string().optional(),
  redirectOrigins: z.array(origin).default([]),
  requestLifetimeSeconds: z.int().min(30).max(3600).default(300),
  answerRetentionDays: z.int().min(1).max(36_500).optional(),
  allowPrivateNetworks: z.boolean().default(false),
  sandbox: z.boolean().default(false),
  ...programSettings,
})

/** What `carnet-verifier serve` reads where one program serves several tenants. What is said here holds for all of them, whatever their own files say. */
export interface VerifierHostConfig
  extends Pick<VerifierConfig, 'listen' | 'operator' | 'stop' | 'logLevel'> {
  /** Each tenant's name, and the file of its configuration. */
  readonly tenants: Readonly<Record<string, string>>
}

export const verifierHostSchema: z.ZodType<VerifierHostConfig> = z.strictObject({
  ...programSettings,
  tenants: tenantsSchema,
})

/** What holds for every tenant, over what its own file says. */
export const sharedByVerifiers: Tenancy<VerifierHostConfig>['shared'] = ({
  tenants: _each,
  operator,
  ...host
}) => JSON.parse(JSON.stringify({ ...host, operator: operator ?? null }))
