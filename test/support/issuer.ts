import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Express } from 'express'
import { identityTypeOf } from '../../issuer/credential/identity.ts'
import type { CredentialSigner } from '../../issuer/credential/issue.ts'
import { readWorkflow } from '../../issuer/decision/read-workflow.ts'
import { rulebookOf } from '../../issuer/decision/rulebook.ts'
import type { FaceBook } from '../../issuer/evidence/face/face-book.ts'
import type { SessionPipeline } from '../../issuer/evidence/pipeline.ts'
import type { ArtefactStore } from '../../issuer/oid4vci/artefact-store.ts'
import { openAuthorizationServer } from '../../issuer/oid4vci/authorization-server.oidc.ts'
import { BATCH_SIZE, IDENTITY_SCOPE } from '../../issuer/oid4vci/metadata.ts'
import { nonceSecretOf } from '../../issuer/oid4vci/nonce-secret.ts'
import { certify, makeAuthority, makeTrustList } from '../../issuer/pki/development-pki.ts'
import { statusPublisher } from '../../issuer/publication.ts'
import { revokingSandbox } from '../../issuer/sandbox/revoke-issued.ts'
import { readWatchlist } from '../../issuer/screening/watchlist.ts'
import { issuerApplication } from '../../issuer/server.http.ts'
import { openProgress } from '../../issuer/session/progress.ts'
import { openReadings } from '../../issuer/session/readings.ts'
import type { SeenBook } from '../../issuer/session/submit.ts'
import { openUploads } from '../../issuer/session/uploads.ts'
import { publishStatusLists } from '../../issuer/status/publish.ts'
import { openIssuerStorage as openPostgresStorage } from '../../issuer/storage.postgres.ts'
import { issuerSchema, issuerStorageOn } from '../../issuer/storage.sqlite.ts'
import type { IssuerStorage } from '../../issuer/storage.ts'
import type { IssuerStore } from '../../issuer/store.ts'
import { makeKey } from '../../shared/api-key/api-key.ts'
import type { ApiKeyStore } from '../../shared/api-key/store.ts'
import type { AuditLog } from '../../shared/audit/log.ts'
import { type Clock, type NumericDate, systemClock } from '../../shared/clock.ts'
import { type HttpServer, listen, type Observation } from '../../shared/http/server.http.ts'
import {
  generateEd25519Key,
  generateEs256Key,
  openEd25519Key,
  openEs256Key,
} from '../../shared/key/signer.software.ts'
import type { EcPublicJwk, OkpPublicJwk } from '../../shared/key/signer.ts'
import type { Log } from '../../shared/log.ts'
import { packageRoot } from '../../shared/package-root.ts'
import { systemRandom } from '../../shared/random.ts'
import { type Database, openDatabase } from '../../shared/store/database.sqlite.ts'
import type { AnchorsAt } from '../../shared/trust/role.ts'
import { anchorsOf, verifyTrustListSignature } from '../../shared/trust/trust-list.ts'
import type { WebhookStore } from '../../shared/webhook/store.ts'
import { contractChecked } from './contract.ts'
import { silentLog } from './log.ts'
import { noObservation } from './observation.ts'

/** A running issuer on a port of its own, with everything real but the reading of images. */
export interface TestIssuer {
  readonly url: string
  readonly app: Express
  /** The SQLite database, where it is on that engine. */
  readonly db: Database
  readonly storage: IssuerStorage
  readonly store: IssuerStore
  readonly auditLog: AuditLog
  readonly webhooks: WebhookStore
  readonly keys: ApiKeyStore
  readonly anchors: AnchorsAt
  readonly reviewerKey: string
  readonly operatorKey: string
  readonly regulatorKey: string
  /** The key of the platform `driver`. */
  readonly platformKey: string
  readonly trustList: string
  /** The key that signed the trust list. */
  readonly trustListKey: EcPublicJwk
  /** Publishes the status lists now. */
  publish(): Promise<void>
  close(): Promise<void>
}

export const WORKFLOW_TEXT: string = readFileSync(
  join(packageRoot, 'issuer/decision/workflows/identity-passport.1.json'),
  'utf8',
)

/** The workflow that takes cards and licences as well. */
export const ALL_DOCUMENTS_TEXT: string = readFileSync(
  join(packageRoot, 'issuer/decision/workflows/identity-documents.1.json'),
  'utf8',
)

export const WATCHLIST_FILE: string = join(
  packageRoot,
  'issuer/screening/lists/made-up-persons.json',
)

/** What an issuer keeps from one start to the next, beside its database. */
export interface TestIdentity {
  /** The host of its address. */
  readonly host?: string
  readonly port: number
  readonly pkcs8: string
  readonly x5c: readonly string[]
  readonly logPkcs8: string
  readonly trustList: string
  readonly listKey: EcPublicJwk
}

export async function testIdentity(
  port: number,
  now: NumericDate,
  host = '127.0.0.1',
): Promise<TestIdentity> {
  const random = systemRandom
  const authority = await makeAuthority('attestation', { key: generateEs256Key(), random, now })
  const { signer, pkcs8 } = generateEs256Key()
  const uris = [`http://${host}:${port}`]
  const subject = { name: 'Test issuer', publicJwk: signer.publicJwk, uris, dns: [] }
  const listSigner = generateEs256Key().signer
  return {
    host,
    port,
    pkcs8,
    x5c: await certify(authority, subject, { random, now }),
    logPkcs8: generateEd25519Key().pkcs8,
    trustList: await makeTrustList([authority], { signer: listSigner, sequence: 1, now }),
    listKey: listSigner.publicJwk,
  }
}

/**
 * Opens an issuer; with `path`, a file or the connection string of a PostgreSQL database, what it keeps outlives it, and
 * an issuer that is opened again goes on with it.
 */
export async function openIssuer(
  pipeline: SessionPipeline,
  options: {
    readonly path?: string
    readonly clock?: Clock
    readonly log?: Log
    readonly observation?: Observation
    readonly changeSigner?: (signer: CredentialSigner) => CredentialSigner
    readonly maxOpenSessions?: number
    readonly history?: boolean
    /** Whether lists are published in their rhythm, as `Ticker.check` says it. */
    readonly checkPublication?: () => void
    readonly sessionsPerMinute?: number
    readonly platformSessionsPerMinute?: number
    readonly trustedProxies?: readonly string[]
    readonly isStarting?: () => boolean
    /** Another port than the one of the issuer's address, behind something that forwards to it. */
    readonly listenPort?: number
    /** A port and keys that outlive a process. */
    readonly identity?: TestIdentity
    /** Whether it is a sandbox. */
    readonly sandbox?: boolean
    /** The public keys of webhook deliveries. */
    readonly webhookKeys?: readonly OkpPublicJwk[]
    readonly changeStore?: (store: IssuerStore) => IssuerStore
    readonly changeArtefacts?: (store: ArtefactStore) => ArtefactStore
    /** Where documents and portraits are remembered. */
    readonly seen?: SeenBook
    /** Where faces are kept for searching. */
    readonly faces?: FaceBook
  } = {},
): Promise<TestIssuer> {
  const { path = ':memory:', clock = systemClock, log = silentLog } = options
  const port = options.listenPort ?? options.identity?.port ?? 0
  const server: HttpServer = await listen({ host: '127.0.0.1', port })
  const issuer =
    options.identity === undefined
      ? server.url
      : `http://${options.identity.host ?? '127.0.0.1'}:${options.identity.port}`
  const random = systemRandom
  const now = clock()
  const identity = options.identity ?? (await testIdentity(Number(new URL(issuer).port), now))
  const { x5c, trustList, listKey } = identity
  const signer = openEs256Key(identity.pkcs8)
  const anchors = anchorsOf(verifyTrustListSignature(trustList, { signerKey: listKey }))
  const honest: CredentialSigner = {
    signer,
    x5c,
    anchors,
    authority: { issuer, name: 'Test issuer', country: 'UT', sandbox: options.sandbox ?? false },
  }
  const credentialSigner = options.changeSigner?.(honest) ?? honest
  const { storage, db } = await openStorage(path, issuer, identityTypeOf(options))
  const changed = options.changeStore?.(storage.store) ?? storage.store
  const store = options.sandbox ? revokingSandbox(changed) : changed
  const { artefacts, statusStore } = storage
  const logSigner = openEd25519Key(identity.logPkcs8)
  const auditLog = storage.openLog({ origin: `${new URL(issuer).host}/log`, signer: logSigner })
  const workflow = readWorkflow(WORKFLOW_TEXT)
  const watchlists = [readWatchlist(readFileSync(WATCHLIST_FILE))]
  await store.recordTrustList(trustList, listKey, now)
  const rulebook = rulebookOf(watchlists, 'test')
  await store.adoptRules({ workflow: workflow.reference, rulebook }, now)
  const cadence = { intervalSeconds: 60, validitySeconds: 3600 }
  const publisher = statusPublisher({
    store: statusStore,
    log: auditLog,
    cadence,
    credentialSigner: honest,
  })
  const publish = async (): Promise<void> => {
    const round = async (): Promise<void> => {
      await statusStore.keepOpen({ name: 'standard', size: 1024, lanes: BATCH_SIZE }, clock())
      await publishStatusLists(publisher, clock())
    }
    while ((await storage.publication.during(round)) === undefined) await sleep(50)
  }
  await publish()
  const keys = {
    reviewer: makeKey('reviewer', random),
    operator: makeKey('operator', random),
    regulator: makeKey('regulator', random),
  }
  for (const role of ['reviewer', 'operator', 'regulator'] as const) {
    const { id, sha256 } = keys[role]
    await storage.keys.addKey({ id, name: `${role}-${id}`, role, sha256 }, now)
  }
  const platform = makeKey('platform', random)
  const { id, sha256 } = platform
  await storage.keys.addKey({ id, name: 'driver', role: 'platform', sha256 }, now)
  const nonceSecret = await nonceSecretOf(logSigner, issuer)
  const authorizationServer = await openAuthorizationServer({
    issuer,
    scope: IDENTITY_SCOPE,
    store: options.changeArtefacts?.(artefacts) ?? artefacts,
    clock,
    random,
    nonceSecret,
    log,
  })
  const app = issuerApplication({
    observation: options.observation ?? noObservation,
    issuer,
    store,
    keys: { store: storage.keys, clock },
    readings: openReadings(),
    uploads: openUploads(random),
    progress: openProgress(),
    pipeline,
    seen: options.seen,
    faces: options.faces,
    watchlists,
    workflow,
    authorizationServer,
    statusStore,
    operations: storage.operations,
    publishNow: publish,
    history: options.history ?? true,
    auditLog,
    credentialSigner,
    trustList,
    nonceSecret,
    webhooks: storage.webhooks,
    webhookKeys: options.webhookKeys ?? [],
    sessionSeconds: 1800,
    maxOpenSessions: options.maxOpenSessions ?? 1000,
    sessionsPerMinute: options.sessionsPerMinute ?? 10_000,
    platformSessionsPerMinute: options.platformSessionsPerMinute ?? 10_000,
    trustedProxies: options.trustedProxies ?? [],
    isStarting: options.isStarting ?? (() => false),
    checkHealth: async () => {
      await store.checkHealth()
      options.checkPublication?.()
    },
    clock,
    random,
    log,
  })
  server.serve(contractChecked('issuer', app))
  return {
    url: issuer,
    app,
    get db() {
      if (db === undefined) throw new Error('this issuer keeps nothing in SQLite')
      return db
    },
    storage,
    store,
    auditLog,
    webhooks: storage.webhooks,
    anchors,
    keys: storage.keys,
    reviewerKey: keys.reviewer.text,
    operatorKey: keys.operator.text,
    regulatorKey: keys.regulator.text,
    platformKey: platform.text,
    trustList,
    trustListKey: listKey,
    publish,
    close: async () => {
      await server.close()
      await storage.close()
    },
  }
}

async function openStorage(
  path: string,
  baseUrl: string,
  vct: string,
): Promise<{ readonly storage: IssuerStorage; readonly db: Database | undefined }> {
  const options = { baseUrl, vct, random: systemRandom }
  if (path.startsWith('postgres://')) {
    return { storage: await openPostgresStorage(path, options), db: undefined }
  }
  const db = openDatabase(path, issuerSchema)
  return { storage: issuerStorageOn(db, options), db }
}
