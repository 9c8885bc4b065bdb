import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenAccounts } from '../shared/account/store.ts'
import {
  type Cosign,
  gatherCosignatures,
  type WitnessAddress,
} from '../shared/audit/gather-cosignatures.ts'
import { asOperatorError } from '../shared/audit/log.ts'
import { openLogFolder } from '../shared/audit/log-folder.file.ts'
import { openMarkFile } from '../shared/audit/mark.file.ts'
import { noteVerifier, parseVkey } from '../shared/audit/note.ts'
import { makeBackup, restoreBackup } from '../shared/backup/backup.file.ts'
import { acceptBackup, backupIdentity, backupKey } from '../shared/backup/backup.ts'
import {
  checkSnapshot,
  signedCheckpoint,
  snapshotDatabase,
} from '../shared/backup/snapshot.sqlite.ts'
import { decodeBase64url } from '../shared/base64url.ts'
import { type Schedule, systemClock } from '../shared/clock.ts'
import { closeAll } from '../shared/close-all.ts'
import { type ConfigSources, readConfigSource } from '../shared/config.ts'
import { thisMachine } from '../shared/doctor/machine.ts'
import { type HttpServer, listen, stopSignal } from '../shared/http/server.http.ts'
import type { ScheduledKey } from '../shared/key/key-schedule.ts'
import { SEALING_KEY_BYTES } from '../shared/key/seal.ts'
import type { Pkcs11Token } from '../shared/key/signer.pkcs11.ts'
import {
  generateEd25519Key,
  generateEs256Key,
  openEd25519Key,
  openEs256Key,
} from '../shared/key/signer.software.ts'
import type { Es256Signer, PublicJwk } from '../shared/key/signer.ts'
import { type Log, openLog } from '../shared/log.ts'
import { failureCounter } from '../shared/observe/count-failures.ts'
import type { Metrics } from '../shared/observe/metrics.ts'
import { operatorApplication } from '../shared/observe/operator.http.ts'
import { openReadiness } from '../shared/observe/readiness.ts'
import { OperatorError } from '../shared/operator-error.ts'
import { packageRoot } from '../shared/package-root.ts'
import { Problem } from '../shared/problem.ts'
import { systemRandom } from '../shared/random.ts'
import { copyStore } from '../shared/store/copy.ts'
import { defaultMark, parseStoreLocation } from '../shared/store/location.ts'
import { measureLeases } from '../shared/store/metrics.ts'
import type { SchemaState } from '../shared/store/migrations.ts'
import {
  type ConfigChoice,
  inTurn,
  readChosen,
  readTenants,
  sourcesOf,
  type Tenancy,
  type Tenant,
} from '../shared/tenant/choice.ts'
import { hostTenants, logOfTenant, openHostMetrics } from '../shared/tenant/host.http.ts'
import {
  databaseIdentity,
  fileIdentity,
  type Own,
  refuseShared,
} from '../shared/tenant/refuse-shared.ts'
import { TrustError } from '../shared/trust/error.ts'
import { guardedFetch } from '../shared/trust/guarded-fetch.ts'
import { x5cOfPem } from '../shared/trust/pem-chain.ts'
import type { AnchorsAt } from '../shared/trust/role.ts'
import {
  anchorsOf,
  requireKind,
  type TrustList,
  verifyTrustList,
} from '../shared/trust/trust-list.ts'
import { verifyX5c } from '../shared/trust/x5c.ts'
import { measureWebhooks } from '../shared/webhook/metrics.ts'
import { DELIVERIES_KEPT_SECONDS, readWebhookKeys, startWebhooks } from '../shared/webhook/start.ts'
import { readSignerJwk } from './commands/pki.ts'
import {
  type AttestationKey,
  type FaceIndexSettings,
  type IssuerConfig,
  type IssuerHostConfig,
  issuerConfigSchema,
  issuerHostSchema,
  sharedByIssuers,
  type TokenKey,
} from './config.ts'
import { identityTypeOf } from './credential/identity.ts'
import type { CredentialSigner } from './credential/issue.ts'
import {
  type SigningPlan,
  scheduledSigner,
  secondsToNextKey,
} from './credential/scheduled-signer.ts'
import { readWorkflow } from './decision/read-workflow.ts'
import { rulebookOf } from './decision/rulebook.ts'
import { issuerChecks } from './doctor.ts'
import type { ModelReference } from './evidence/evidence.ts'
import { blockFace, openFaceBook } from './evidence/face/face-book.ts'
import { whileOpening } from './evidence/opening.ts'
import type { PipelineOptions } from './evidence/pipeline.onnx.ts'
import type { EvidencePipeline } from './evidence/pipeline.ts'
import { pipelineOfTenant } from './evidence/tenant-turn.ts'
import { measureIssuer, measurePipelines } from './metrics.ts'
import { BATCH_SIZE, IDENTITY_SCOPE } from './oid4vci/metadata.ts'
import { nonceSecretOf } from './oid4vci/nonce-secret.ts'
import { type OperatorPageDeps, operatorPages } from './operator/operator.http.ts'
import { run } from './program.ts'
import { publishRound, statusPublisher } from './publication.ts'
import { isSandboxPipeline, SANDBOX_PICTURES, sandboxPipeline } from './sandbox/pipeline.ts'
import { revokingSandbox } from './sandbox/revoke-issued.ts'
import { readWatchlist } from './screening/watchlist.ts'
import { issuerApplication } from './server.http.ts'
import { openProgress } from './session/progress.ts'
import { openReadings } from './session/readings.ts'
import { openUploads } from './session/uploads.ts'
import { startCadence, type Ticker } from './status/cadence.ts'
import type { StatusOperations } from './status/operations.ts'
import type { Publisher } from './status/publish.ts'
import { publishInTurn } from './status/publish-in-turn.ts'
import { refuseExpired, type ServedPool } from './status/served-pools.ts'
import { lifetimeClass } from './status/status.ts'
import type { IssuerStorage } from './storage.ts'
import type { IssuerStore } from './store.ts'
import type { KeptFaces, World } from './world.ts'

const BUILT_IN_WORKFLOW = join(packageRoot, 'issuer/decision/workflows/identity-passport.1.json')
const BUILT_IN_WATCHLIST = join(packageRoot, 'issuer/screening/lists/made-up-persons.json')
/** Members of the configuration that name files. */
const FILES_OF_CONFIG = [
  ...['attestation.key', 'attestation.chain', 'logKey', 'trustList.file', 'trustList.signer'],
  ...['attestation.successor.key', 'attestation.successor.chain'],
  ...['watchlists.*.file', 'workflow', 'evidence.manifest'],
  ...['evidence.seenDocuments.key', 'evidence.faceIndex.key'],
]
/** How the configurations of issuers are found. */
const TENANCY: Tenancy<IssuerHostConfig> = {
  schema: issuerHostSchema,
  env: process.env,
  prefix: 'CARNET_ISSUER_',
  shared: sharedByIssuers,
}
const HOUSEKEEPING_SECONDS = 30
/** How often one of several servers looks whether it is time to publish, and waits for another that does. */
const LOOK_SECONDS = 1
const TURN_MS = 100
const DAY = 86_400
/** How long before the last attestation key ends its operator is told. */
const NOTICE_DAYS = 30

/** Where a path of the configuration leads. */
type Paths = (path: string) => string

process.umask(0o077)
// Whoever reads our output may stop reading; that is no failure.
process.stdout.on('error', () => process.exit(0))

const schedule: Schedule = (milliseconds, work) => {
  const timer = setTimeout(work, milliseconds)
  return () => clearTimeout(timer)
}

const world: World = {
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  // The operator names the issuer to call, so its address may be anywhere.
  fetch: guardedFetch({
    allowPrivate: true,
    maxBytes: 16 << 20,
    timeoutMs: 10_000,
    maxRedirects: 0,
  }),
  clock: systemClock,
  random: systemRandom,
  readFile: (path) => readBytes(path).toString('utf8'),
  writeNewFile,
  replaceFile: (path, text) => {
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  },
  generateKey: generateEs256Key,
  generateTokenKey: (key) => onToken(key, (token) => token.createKey(key.pkcs11.label)),
  openKey: openEs256Key,
  generateLogKey: () => generateEd25519Key().pkcs8,
  logVerifierKey: (configFile) => {
    const { config, at } = openConfig(configFile)
    const { publicJwk } = readKey(at(config.logKey), openEd25519Key)
    return noteVerifier(logOrigin(config), publicJwk).vkey
  },
  withStore: (configFile, work) => withStorage(openConfig(configFile), ({ store }) => work(store)),
  withKeys: (configFile, work) => withStorage(openConfig(configFile), ({ keys }) => work(keys)),
  withFaces: (configFile, work) => withFaces(openConfig(configFile), work),
  withLog: async (configFile, work) => {
    const opened = openConfig(configFile)
    const { config, at } = opened
    const signer = readKey(at(config.logKey), openEd25519Key)
    return withStorage(opened, (storage) =>
      work(storage.openLog({ origin: logOrigin(config), signer })),
    )
  },
  withWebhooks: (configFile, work) =>
    withStorage(openConfig(configFile), ({ webhooks }) => work(webhooks)),
  withAccounts: async (choice, work) => {
    const [{ config, at }] = readTenants(issuerConfigSchema, choice, TENANCY)
    const { origin } = config.operator ?? {}
    if (origin === undefined) {
      throw new OperatorError('config_invalid', 'operator.origin names no page to sign in to')
    }
    const { accounts, close } = await openAccounts(config, at)
    try {
      return await work(accounts, `${origin}/operator/`)
    } finally {
      await close()
    }
  },
  logFolder: openLogFolder,
  copyStore: async ({ from, to }) => {
    const [source, target] = [parseStoreLocation(from), parseStoreLocation(to)]
    if (source?.engine !== 'sqlite' || target?.engine !== 'postgres') {
      throw new OperatorError(
        'config_invalid',
        'a store is copied from sqlite:PATH to postgres://…',
      )
    }
    const { copyFromSqlite } = await import('./storage.sqlite.ts')
    const { copyToPostgres } = await import('./storage.postgres.ts')
    return copyFromSqlite(source.path, (rows) =>
      copyToPostgres(target.url, (tables) => copyStore(rows, tables)),
    )
  },
  backup: async (configFile, { to, recipients, withDatabase }) => {
    const { config, at } = openConfig(configFile)
    const location = parseStoreLocation(config.database)
    const source = {
      program: 'carnet-issuer' as const,
      config: readConfigSource(issuerConfigSchema, configSources(configFile)),
      at,
      members: FILES_OF_CONFIG,
      mark: at(config.logMark ?? defaultMark(config.database, 'issuer')),
      database: withDatabase && location?.engine === 'sqlite' ? at(location.path) : undefined,
    }
    const key = backupKey(recipients, process.env.CARNET_BACKUP_PASSPHRASE)
    const now = systemClock()
    return makeBackup(source, { to, key, now, snapshot: snapshotDatabase, signedCheckpoint })
  },
  restore: ({ from, to, identity, mark, offline, newest }) => {
    const opening = identity === undefined ? undefined : readBytes(identity).toString()
    return restoreBackup({
      ...{ from, to, program: 'carnet-issuer' },
      identity: backupIdentity(opening, process.env.CARNET_BACKUP_PASSPHRASE),
      accept: async (opened) => {
        const config = issuerConfigSchema.parse(opened.config)
        const signer = readKey(opened.fileOf('logKey') ?? config.logKey, openEd25519Key)
        const log = { origin: logOrigin(config), signer }
        const marks = [opened.files.mark, ...(mark === undefined ? [] : [mark])]
        return acceptBackup(opened, {
          log: noteVerifier(log.origin, signer.publicJwk),
          marks: Object.fromEntries(marks.map((file) => [file, readIfThere(file)])),
          served: offline ? [] : [`${config.baseUrl}/log/checkpoint`],
          witnesses: offline ? [] : witnessAddresses(config.witnesses?.of ?? []),
          fetch: world.fetch,
          isNewest: newest,
          check: (checkpoints) => checkSnapshot(opened.database ?? '', log, checkpoints),
          note: world.note,
        })
      },
    })
  },
  checks: (configFile, { offline }) => {
    const opened = openConfig(configFile)
    const { config, at } = opened
    let state: ReturnType<typeof schemaState> | undefined
    const examination = {
      config,
      at,
      machine: thisMachine,
      fetch: world.fetch,
      clock: systemClock,
      readText: (path: string) => readBytes(path).toString(),
      openAttestationKey: (key: AttestationKey['key']) => openAttestationKey(key, at),
      openLogKey: openEd25519Key,
      // A large file takes long to look through, and several checks ask.
      schemaState: () => {
        state ??= schemaState(config, at)
        return state
      },
      servedPools: () => withStorage(opened, ({ servedPools }) => servedPools(systemClock())),
      prepare: async () => {
        const silent = openLog({ name: 'carnet-issuer', level: 'silent' })
        const { trust } = await prepare({ name: undefined, config, at }, silent)
        return secondsToNextKey(trust.plan)
      },
      supplyModels: async () => {
        const { modelManifest, supplyFiles } = await import('./evidence/model-supply.ts')
        const { manifest } = config.evidence
        return Object.keys(await supplyFiles(manifest ? at(manifest) : modelManifest)).length
      },
    }
    return issuerChecks(examination, offline)
  },
  serve,
  keys: { reviewer: process.env.CARNET_REVIEWER_KEY, operator: process.env.CARNET_OPERATOR_KEY },
}

process.exitCode = await run(process.argv.slice(2), world)

/**
 * Everything that can be wrong is found before the first request is answered: then `/healthz` says so. What was opened
 * is closed again in the reverse order, whether serving ends or never begins.
 */
async function serve(choice: ConfigChoice): Promise<void> {
  const opened: (() => unknown)[] = []
  // Requests are taken before all is open, so a stop that comes meanwhile is not to cut them either.
  const stopped = stopSignal()
  try {
    const { log, urls } = await openServer(choice, (close) => opened.push(close))
    for (const url of urls) world.print(`carnet-issuer: serving ${url}`)
    const signal = await stopped
    log.info({ signal }, 'stopping')
  } catch (error) {
    await closeAll(opened).catch(() => undefined)
    throw error
  }
  await closeAll(opened)
}

type OnClose = (close: () => unknown) => void

/** What the issuers of one process share. */
interface IssuerHost {
  readonly server: HttpServer
  readonly metricsOf: (name: string | undefined) => Metrics
  /** Opens the networks when it is first called: for all. */
  readonly pipeline: () => Promise<EvidencePipeline>
  readonly measured: ReturnType<typeof measurePipelines>
  readonly onClose: OnClose
}

async function openServer(
  choice: ConfigChoice,
  onClose: OnClose,
): Promise<{ log: Log; urls: readonly string[] }> {
  const tenants = readTenants(issuerConfigSchema, choice, TENANCY)
  // What is of the program is the same in all of them.
  const [{ name, config, at }] = tenants
  const log = openLog({ name: 'carnet-issuer', level: config.logLevel })
  const prepared = await inTurn(tenants, (tenant) => prepare(tenant, log))
  refuseShared(prepared)
  // Bound before anything slow, so that a port in use shows at once and probes are answered: starting.
  const server = await listen(config.listen)
  onClose(() => server.close())
  const operator = config.operator && (await listen(config.operator))
  onClose(() => operator?.close())
  const { metrics, metricsOf } = openHostMetrics(name !== undefined)
  // Only serving needs them, and they take a second to load.
  let opening: Promise<EvidencePipeline> | undefined
  const pipeline = (): Promise<EvidencePipeline> => {
    if (opening !== undefined) return opening
    opening = import('./evidence/pipeline.onnx.ts').then(({ openPipeline }) =>
      openPipeline({
        report: (line) => log.info(line),
        ...pipelineOptions(config, at),
        limits: { workers: config.evidence.workers, isShared: tenants.length > 1 },
      }),
    )
    onClose(async () => (await opening?.catch(() => undefined))?.close())
    return opening
  }
  const measured = measurePipelines(metrics)
  const host = { server, metricsOf, pipeline, measured, onClose }
  const opened = await inTurn(prepared, (each) => openIssuer(each, host))
  // What requests work with is closed after the last of them.
  onClose(() => server.close(config.stop.drainSeconds * 1000))
  const issuers = await inTurn(opened, (each) => startIssuer(each, host))
  const { listener, view } = hostTenants(issuers, { metrics, log, random: systemRandom })
  const pages = await openOperatorPages(tenants[0], onClose, {
    ...view,
    tenants: issuers.map(({ watched }) => watched),
    clock: systemClock,
    random: systemRandom,
    log,
  })
  operator?.serve(operatorApplication({ ...view, pages }))
  server.serve(listener)
  await inTurn(issuers, (issuer) => issuer.untilOpen())
  return { log, urls: tenants.map((tenant) => tenant.config.baseUrl) }
}

type PreparedIssuer = Awaited<ReturnType<typeof prepare>>
type OpenedIssuer = Awaited<ReturnType<typeof openIssuer>>

/** Reads everything that an issuer's configuration names, and finds what is wrong with it. */
async function prepare(tenant: Tenant<IssuerConfig>, programLog: Log) {
  const { name, config, at } = tenant
  const log = logOfTenant(programLog, name)
  const now = systemClock()
  const issuer = config.baseUrl
  const workflow = readWorkflow(
    readBytes(config.workflow === undefined ? BUILT_IN_WORKFLOW : at(config.workflow)).toString(),
  )
  const lifetime = workflow.workflow.credential.validDays * DAY
  const trust = await openTrust(config, at, { now, lifetime })
  const due = secondsToNextKey(trust.plan)
  if (due < 0) {
    throw new OperatorError('key_invalid', 'no attestation certificate outlives a new credential', {
      hint: 'certify a new key, or name it as attestation.successor',
    })
  }
  if (due < NOTICE_DAYS * DAY) {
    log.warn({ seconds: due }, 'the attestation key needs a successor, or nothing will be signed')
  }
  const logSigner = readKey(at(config.logKey), openEd25519Key)
  const nonceSecret = await nonceSecretOf(logSigner, issuer)
  const webhookKeys = readWebhookKeys(config.webhooks, (path) => readKey(at(path), openEd25519Key))
  const watchlists = readWatchlists(config, at)
  const mark = at(config.logMark ?? defaultMark(config.database, 'issuer'))
  const { seenDocuments, faceIndex } = config.evidence
  const databases = [{ database: config.database }, seenDocuments, faceIndex]
  const identities = await Promise.all(
    databases.flatMap((kept) => (kept ? [databaseIdentity(kept.database, { at, identify })] : [])),
  )
  const own: Own = [
    ['address', new URL(issuer).host],
    ...identities.map((identity) => ['database', identity] as const),
    ['logMark', fileIdentity(mark)],
    ['logKey', logSigner.publicJwk.x],
    ...trust.plan.keys.map(({ signer }) => ['attestation key', signer.publicJwk.x] as const),
    ...webhookKeys.map(({ publicJwk }) => ['webhook key', publicJwk.x] as const),
  ]
  return {
    ...{ name, tenant, log, now, issuer, workflow, lifetime, trust, logSigner, nonceSecret },
    ...{ webhookKeys, watchlists, mark, own },
  }
}

/** Asks a PostgreSQL what it is. @throws OperatorError */
async function identify(url: string): Promise<string> {
  const { identifyDatabase } = await import('../shared/store/database.postgres.ts')
  return identifyDatabase(url)
}

/** Opens what an issuer keeps. Nothing is published yet. */
async function openIssuer(prepared: PreparedIssuer, host: IssuerHost) {
  const { name, tenant, log, now, issuer, workflow, logSigner, nonceSecret } = prepared
  const { config, at } = tenant
  const storage = await openStorage(config, at)
  host.onClose(() => storage.close())
  const metrics = host.metricsOf(name)
  const counted = failureCounter(metrics)
  await refuseOtherKind(storage.store, config)
  const stored = counted('issuer', storage.store)
  const store = config.sandbox ? revokingSandbox(stored) : stored
  const statusStore = counted('status', storage.statusStore)
  const operations = counted('status', storage.operations)
  const keys = { store: counted('keys', storage.keys), clock: systemClock }
  const auditLog = storage.openLog({
    origin: logOrigin(config),
    signer: logSigner,
    mark: openMarkFile(prepared.mark),
    ...(config.witnesses === undefined ? {} : { cosign: openWitnesses(config.witnesses) }),
  })
  const seen = await openSeenBook(config, at)
  host.onClose(() => seen?.close())
  const faces = await openFaces(config, at)
  host.onClose(() => faces?.close())
  // Nothing is read, and so nothing decided, under rules that the log does not name.
  const opening = config.sandbox
    ? Promise.resolve(sandboxPipeline(readSandboxPictures()))
    : host.pipeline()
  const adopted = opening.then(async (opened) => {
    const rulebook = rulebookOf(prepared.watchlists, opened.version)
    await store.adoptRules({ workflow: workflow.reference, rulebook }, now)
    await faces?.load(opened.searchModel, log)
    return name === undefined ? opened : pipelineOfTenant(opened, name)
  })
  const pipeline = host.measured(whileOpening(adopted))
  const { openAuthorizationServer } = await import('./oid4vci/authorization-server.oidc.ts')
  const authorizationServer = await openAuthorizationServer({
    issuer,
    scope: IDENTITY_SCOPE,
    store: counted('authorization', storage.artefacts),
    clock: systemClock,
    random: systemRandom,
    nonceSecret,
    log,
  })
  return {
    ...{ name, prepared, storage, metrics, store, statusStore, operations, keys, auditLog },
    ...{ adopted, pipeline, authorizationServer, seen, faces },
  }
}

/** Publishes an issuer's lists and starts what it does by itself. */
async function startIssuer(opened: OpenedIssuer, { server, onClose }: IssuerHost) {
  const { name, prepared, storage, metrics, store, statusStore, operations, keys } = opened
  const { auditLog, adopted, pipeline, authorizationServer, seen, faces } = opened
  const { log, now, issuer, workflow, lifetime, nonceSecret, webhookKeys, watchlists } = prepared
  const { config } = prepared.tenant
  const { credentialSigner, trustList, trustListSigner } = prepared.trust
  // The lists are live before the first credential that refers to them leaves.
  await store.recordTrustList(trustList, trustListSigner, now)
  const publisher = statusPublisher({
    store: statusStore,
    log: auditLog,
    cadence: config.status,
    credentialSigner,
  })
  const publication = await startPublication(config.status, {
    publisher,
    operations,
    storage,
    lifetime,
    log,
  }).catch((error: unknown) => Promise.reject(asOperatorError(error)))
  onClose(() => publication.stop())
  const readings = openReadings()
  const uploads = openUploads(systemRandom)
  const progress = openProgress()
  onClose(() => progress.close())
  const housekeeping = startCadence({
    intervalSeconds: HOUSEKEEPING_SECONDS,
    schedule,
    clock: systemClock,
    publish: async () => {
      readings.forgetExpired(systemClock())
      uploads.forgetExpired(systemClock())
      await store.forgetExpired(systemClock())
      await seen?.store.purge(systemClock())
      await faces?.book.tidy(async (id) => (await store.session(id))?.state, systemClock())
      await storage.webhooks.forgetSettled(systemClock() - DELIVERIES_KEPT_SECONDS)
    },
    onFailure: (error) => log.error({ err: error }, 'what has expired was not forgotten'),
  })
  onClose(() => housekeeping.stop())
  const webhooks = await startWebhooks({
    settings: config.webhooks,
    signer: webhookKeys[0],
    store: storage.webhooks,
    source: issuer,
    clock: systemClock,
    random: systemRandom,
    schedule,
    onFailure: (error) => log.error({ err: error }, 'webhooks were not delivered'),
  })
  onClose(() => webhooks.stop())
  measureIssuer(metrics, {
    servedPools: storage.servedPools,
    auditLog,
    operations,
    faces: faces?.book,
    clock: systemClock,
  })
  measureWebhooks(metrics, storage.webhooks, systemClock)
  measureLeases(metrics, storage.leases)
  const isStarting = (): boolean => !pipeline.isOpen()
  const checkHealth = async (): Promise<void> => {
    await store.checkHealth()
    publication.check()
  }
  const readiness = openReadiness(
    {
      store: storage.checkWritable,
      status_lists: async () =>
        refuseExpired(await storage.servedPools(systemClock()), systemClock()),
      models: () => {
        if (isStarting()) throw new Error('the networks are being loaded')
      },
    },
    {
      clock: systemClock,
      isStopping: server.isStopping,
      report: (check, error) => log.warn({ check, err: error }, 'not ready'),
    },
  )
  const application = issuerApplication({
    issuer,
    store,
    keys,
    readings,
    uploads,
    progress,
    pipeline,
    watchlists,
    seen,
    faces: faces?.book,
    workflow,
    authorizationServer,
    statusStore,
    operations,
    publishNow: publication.publishNow,
    history: config.status.history,
    auditLog,
    credentialSigner,
    trustList,
    nonceSecret,
    webhooks: storage.webhooks,
    webhookKeys: webhookKeys.map(({ publicJwk }) => publicJwk),
    sessionSeconds: config.sessions.seconds,
    maxOpenSessions: config.sessions.maxOpen,
    sessionsPerMinute: config.sessions.perMinute,
    platformSessionsPerMinute: config.sessions.platformPerMinute,
    trustedProxies: config.listen.trustedProxies,
    isStarting,
    checkHealth,
    observation: { observeRequest: metrics.observeRequest, readiness },
    clock: systemClock,
    random: systemRandom,
    log,
  })
  return {
    ...{ name, baseUrl: issuer, listener: application, checkHealth, isStarting, readiness },
    watched: {
      name: name ?? 'issuer',
      address: issuer,
      issuer: config.authority.name,
      country: config.authority.country,
      keys: storage.keys,
      webhooks: storage.webhooks,
      servedPools: storage.servedPools,
      auditLog,
      operations,
    },
    /** Resolves when images are read. */
    untilOpen: async () => {
      const { version } = await adopted
      log.info({ url: issuer, vkey: auditLog.vkey, pipeline: version }, 'serving')
    },
  }
}

function pipelineOptions(
  { evidence: { manifest, undocumentedModels } }: IssuerConfig,
  at: Paths,
): PipelineOptions {
  return {
    undocumented: undocumentedModels,
    ...(manifest === undefined ? {} : { manifest: at(manifest) }),
  }
}

/** The operator's page, where the configuration says how browsers reach it. @throws OperatorError when it was not built */
async function openOperatorPages(
  { config, at }: Tenant<IssuerConfig>,
  onClose: OnClose,
  deps: Omit<OperatorPageDeps, 'origin' | 'accounts' | 'passkeys' | 'folder'>,
): Promise<ReturnType<typeof operatorPages> | undefined> {
  const { origin } = config.operator ?? {}
  if (origin === undefined) return undefined
  const { accounts, close } = await openAccounts(config, at)
  onClose(close)
  const housekeeping = startCadence({
    intervalSeconds: HOUSEKEEPING_SECONDS,
    schedule,
    clock: systemClock,
    publish: () => accounts.forgetExpired(systemClock()),
    onFailure: (error) => deps.log.error({ err: error }, 'sessions were not forgotten'),
  })
  onClose(() => housekeeping.stop())
  const { openPasskeys } = await import('../shared/account/passkeys.webauthn.ts')
  return operatorPages({
    ...deps,
    origin,
    accounts,
    passkeys: openPasskeys({ origin, name: 'Carnet' }),
    folder: join(packageRoot, 'dist/browser/operator'),
  })
}

/** Opens who may sign in: in a database of their own, or in that of the one issuer. */
async function openAccounts(config: IssuerConfig, at: Paths): Promise<OpenAccounts> {
  const { accounts } = config.operator ?? {}
  if (accounts === undefined) return openStorage(config, at)
  const location = parseStoreLocation(accounts)
  if (location?.engine === 'postgres') {
    const { openAccountStorage } = await import('../shared/account/storage.postgres.ts')
    return openAccountStorage(location.url)
  }
  const { openAccountStorage } = await import('../shared/account/storage.sqlite.ts')
  return openAccountStorage(at(location?.path ?? accounts))
}

/** Publishes once, then in its rhythm. */
async function startPublication(
  { listSize, decoys, intervalSeconds }: IssuerConfig['status'],
  {
    storage: { servedPools, publication: lease, isShared },
    lifetime,
    log,
    ...deps
  }: {
    readonly publisher: Publisher
    readonly operations: StatusOperations
    readonly storage: IssuerStorage
    /** Seconds that a new credential lives. */
    readonly lifetime: number
    readonly log: Log
  },
): Promise<Ticker> {
  const pool = {
    name: lifetimeClass(lifetime),
    size: listSize,
    lanes: BATCH_SIZE,
    decoys: Math.min(decoys, listSize >> 4),
  }
  const publishAll = (reason: 'scheduled' | 'emergency'): Promise<void> =>
    publishRound({ ...deps, pool, log }, systemClock(), reason)
  const publish = isShared
    ? (reason: 'scheduled' | 'emergency') =>
        publishInTurn(
          {
            lease,
            intervalSeconds,
            publishedAt: async (now) => oldest(await servedPools(now)),
            now: systemClock,
            pause: () => sleep(TURN_MS),
            publish: () => publishAll(reason),
          },
          reason,
        )
    : publishAll
  await publish('scheduled')
  // What this start has appended is shown, whichever server published last.
  await deps.publisher.log.publish(systemClock())
  return startCadence({
    intervalSeconds: isShared ? LOOK_SECONDS : intervalSeconds,
    schedule,
    clock: systemClock,
    publish,
    onFailure: (error) => log.error({ err: error }, 'status lists were not published'),
  })
}

/** When the list that has waited longest was published; 0 while there is none. */
function oldest(pools: readonly ServedPool[]): number {
  return pools.length === 0 ? 0 : Math.min(...pools.map(({ iat }) => iat))
}

function configSources(choice: ConfigChoice): ConfigSources {
  return sourcesOf(choice, TENANCY)
}

function openConfig(choice: ConfigChoice): Tenant<IssuerConfig> {
  return readChosen(issuerConfigSchema, choice, TENANCY)
}

function witnessAddresses(
  of: NonNullable<IssuerConfig['witnesses']>['of'],
): readonly WitnessAddress[] {
  return of.map(({ url, key }) => {
    try {
      return { url: url.replace(/\/+$/, ''), verifier: parseVkey(key) }
    } catch (cause) {
      throw new OperatorError('config_invalid', 'witnesses.of names no verifier key', { cause })
    }
  })
}

/** A witness is asked with a bound on time, because nothing is served while it is waited for. */
function openWitnesses({ quorum, of }: NonNullable<IssuerConfig['witnesses']>): Cosign {
  const witnesses = witnessAddresses(of)
  const bounds = { allowPrivate: true, maxBytes: 1 << 16, timeoutMs: 5000, maxRedirects: 0 }
  return gatherCosignatures({ witnesses, threshold: quorum, fetch: guardedFetch(bounds) })
}

/** Off unless the configuration names a database of its own and a key. @throws OperatorError */
async function openSeenBook({ evidence: { seenDocuments } }: IssuerConfig, at: Paths) {
  if (!seenDocuments) return undefined
  const key = readSealingKey(at(seenDocuments.key))
  const seconds = seenDocuments.days * DAY
  const location = parseStoreLocation(seenDocuments.database)
  if (location?.engine === 'postgres') {
    const { openSeenDocumentsDatabase } = await import(
      './evidence/document/seen-documents.postgres.ts'
    )
    return { ...(await openSeenDocumentsDatabase(location.url)), key, seconds }
  }
  const { openSeenDocumentsFile } = await import('./evidence/document/seen-documents.sqlite.ts')
  return { ...openSeenDocumentsFile(at(location?.path ?? seenDocuments.database)), key, seconds }
}

/** Off unless the configuration names a database of its own and a key. @throws OperatorError */
async function openFaces({ evidence: { faceIndex } }: IssuerConfig, at: Paths) {
  if (!faceIndex) return undefined
  const key = readSealingKey(at(faceIndex.key))
  const { store, close } = await openFaceStore(faceIndex, at)
  const { days, threshold } = faceIndex
  const seconds = days * DAY
  const book = openFaceBook({ store, key, seconds, threshold, random: systemRandom })
  const load = async (model: ModelReference | undefined, log: Log): Promise<void> => {
    const unsearched = await book.open(requireSearchModel(model))
    log.info({ faces: book.size, threshold }, 'faces are searched')
    if (unsearched > 0) log.warn({ faces: unsearched }, 'faces of another network are not searched')
  }
  return { book, load, store, key, days, close }
}

async function openFaceStore({ database }: FaceIndexSettings, at: Paths) {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') {
    const { openFaceStoreDatabase } = await import('./evidence/face/face-store.postgres.ts')
    return await openFaceStoreDatabase(location.url)
  }
  const { openFaceStoreFile } = await import('./evidence/face/face-store.sqlite.ts')
  return openFaceStoreFile(at(location?.path ?? database))
}

function requireSearchModel(model: ModelReference | undefined): ModelReference {
  if (model) return model
  throw new OperatorError('config_invalid', 'no network of the manifest compares faces by cosine', {
    hint: 'evidence.faceIndex needs one',
  })
}

/** Runs `work` on the faces that are kept, and closes them; networks are opened where a picture is read. */
async function withFaces<Result>(
  { config, at }: ReturnType<typeof openConfig>,
  work: (faces: KeptFaces) => Promise<Result>,
): Promise<Result> {
  const faces = await openFaces(config, at)
  if (!faces) {
    throw new OperatorError('config_invalid', 'evidence.faceIndex is not set, so no face is kept')
  }
  const { store, key, days } = faces
  try {
    return await work({
      store,
      days,
      block: async (name, imageFile, expires) => {
        const { openPipeline } = await import('./evidence/pipeline.onnx.ts')
        const pipeline = await openPipeline({
          report: world.note,
          ...pipelineOptions(config, at),
          limits: { workers: 1 },
        })
        try {
          const model = requireSearchModel(pipeline.searchModel)
          const { face } = await pipeline.readPortrait(readBytes(imageFile))
          const blocked = { name, model, template: face }
          await blockFace({ store, key, random: systemRandom }, blocked, expires)
        } catch (cause) {
          if (!(cause instanceof Problem)) throw cause
          throw new OperatorError('image_unusable', `${imageFile}: ${cause.message}`, { cause })
        } finally {
          await pipeline.close()
        }
      },
    })
  } finally {
    await faces.close()
  }
}

/** 32 bytes in base64url. @throws OperatorError */
function readSealingKey(file: string): Uint8Array {
  const key = decodeBase64url(readBytes(file).toString('utf8').trim())
  if (key?.length === SEALING_KEY_BYTES) return key
  throw new OperatorError('config_invalid', `${file} does not hold 32 bytes in base64url`)
}

/** Runs `work` on what an issuer keeps, and closes it. */
async function withStorage<Result>(
  { config, at }: ReturnType<typeof openConfig>,
  work: (storage: IssuerStorage) => Promise<Result>,
): Promise<Result> {
  const storage = await openStorage(config, at)
  try {
    return await work(storage)
  } finally {
    await storage.close()
  }
}

/** What stands in the database that the configuration names; nothing is changed. @throws OperatorError */
async function schemaState(
  { database }: IssuerConfig,
  at: (path: string) => string,
): Promise<SchemaState | undefined> {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') {
    const { examineIssuerDatabase } = await import('./storage.postgres.ts')
    return examineIssuerDatabase(location.url)
  }
  const path = at(location?.path ?? database)
  if (!existsSync(path)) return undefined
  const { examineIssuerDatabase } = await import('./storage.sqlite.ts')
  return examineIssuerDatabase(path)
}

/** Opens the database that the configuration names, with the one engine that it needs. */
async function openStorage(
  config: IssuerConfig,
  at: (path: string) => string,
): Promise<IssuerStorage> {
  const location = parseStoreLocation(config.database)
  const options = { baseUrl: config.baseUrl, vct: identityTypeOf(config), random: systemRandom }
  if (location?.engine === 'postgres') {
    const { openIssuerStorage } = await import('./storage.postgres.ts')
    return openIssuerStorage(location.url, options)
  }
  const { openIssuerStorage } = await import('./storage.sqlite.ts')
  return openIssuerStorage(at(location?.path ?? config.database), options)
}

/** The key, its chain and the trust list fit together, or nothing starts: a verifier would refuse what is issued. */
async function openTrust(
  config: IssuerConfig,
  at: (path: string) => string,
  { now, lifetime }: { now: number; lifetime: number },
): Promise<{
  credentialSigner: CredentialSigner
  plan: SigningPlan
  trustList: string
  trustListSigner: PublicJwk
}> {
  const signerFile = at(config.trustList.signer)
  const trustList = readBytes(at(config.trustList.file)).toString().trim()
  const trustListSigner = readSignerJwk(signerFile, readBytes(signerFile).toString())
  const anchors = asTrust(signerFile, () =>
    anchorsOf(trustListOfKind(trustList, { signerKey: trustListSigner, now }, config.sandbox)),
  )
  const { successor, ...first } = config.attestation
  const context = { at, anchors, baseUrl: config.baseUrl }
  const keys = [await openScheduledKey({ ...first, from: 0 }, { ...context, now })]
  if (successor) {
    const from = Math.max(now, successor.from)
    keys.push(await openScheduledKey(successor, { ...context, now: from }))
  }
  const plan = { keys, lifetime, clock: systemClock }
  const { baseUrl: issuer, sandbox } = config
  const authority = { issuer, ...config.authority, sandbox }
  return {
    credentialSigner: scheduledSigner(plan, { anchors, authority }),
    plan,
    trustList,
    trustListSigner,
  }
}

/** What a sandbox trusts is marked as its own, so that no key of a real issuer serves in one, nor the other way about. */
function trustListOfKind(
  jwt: string,
  context: Parameters<typeof verifyTrustList>[1],
  expectedSandbox: boolean,
): TrustList {
  const list = verifyTrustList(jwt, context)
  requireKind(list, { expectedSandbox })
  return list
}

/**
 * A database is that of a sandbox or of an issuer for ever, and a sandbox reads nobody: nothing of either is found in the
 * other. @throws OperatorError `config_invalid`
 */
async function refuseOtherKind(
  store: Pick<IssuerStore, 'adoptedRules'>,
  { sandbox, evidence, database }: IssuerConfig,
): Promise<void> {
  if (sandbox && (evidence.seenDocuments ?? evidence.faceIndex) !== undefined) {
    throw new OperatorError('config_invalid', 'sandbox: it remembers nobody', {
      hint: 'leave evidence.seenDocuments and evidence.faceIndex out',
    })
  }
  const rulebooks = (await store.adoptedRules()).filter(({ kind }) => kind === 'rulebook')
  if (rulebooks.every(({ details }) => isSandboxPipeline(details.pipeline) === sandbox)) return
  const other = sandbox ? 'an issuer that is none' : 'a sandbox'
  throw new OperatorError('config_invalid', `sandbox: ${database} is the database of ${other}`, {
    hint: 'give each a database of its own',
  })
}

function readSandboxPictures(): ReadonlyMap<string, Uint8Array> {
  const folder = join(packageRoot, 'issuer/sandbox/pictures')
  return new Map(SANDBOX_PICTURES.map((name) => [name, readBytes(join(folder, name))]))
}

async function openScheduledKey(
  { key, chain, from }: AttestationKey & { readonly from: number },
  {
    at,
    anchors,
    baseUrl,
    now,
  }: { at: (path: string) => string; anchors: AnchorsAt; baseUrl: string; now: number },
): Promise<ScheduledKey> {
  const signer = await openAttestationKey(key, at)
  const chainFile = at(chain)
  return asTrust(chainFile, () => {
    const x5c = x5cOfPem(readBytes(chainFile).toString())
    const { leaf } = verifyX5c(x5c, { role: 'attestation', anchors, now })
    if (leaf.publicJwk.x !== signer.publicJwk.x || leaf.publicJwk.y !== signer.publicJwk.y) {
      throw new TrustError('key_usage', 'the key is not the one that is certified')
    }
    if (!leaf.sanUris.includes(baseUrl)) {
      throw new TrustError('key_usage', `the certificate is not for ${baseUrl}`)
    }
    return { signer, x5c, activeFrom: from, notAfter: leaf.notAfter }
  })
}

function asTrust<Result>(file: string, act: () => Result): Result {
  try {
    return act()
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new OperatorError('trust_invalid', `${file}: ${cause.message}`, {
      cause,
      hint: 'carnet-issuer pki certify --role attestation --uri BASE_URL makes a fitting one',
    })
  }
}

async function openAttestationKey(
  key: IssuerConfig['attestation']['key'],
  at: (path: string) => string,
): Promise<Es256Signer> {
  if (typeof key === 'string') return readKey(at(key), openEs256Key)
  return onToken(key, (token) => token.openKey(key.pkcs11.label))
}

/** Logs in to a PKCS#11 token; the native module is loaded only for those who have one. */
async function onToken<Result>(
  { pkcs11 }: TokenKey,
  work: (token: Pkcs11Token) => Promise<Result>,
): Promise<Result> {
  const pin = process.env.CARNET_PKCS11_PIN
  if (!pin) throw new OperatorError('key_invalid', 'CARNET_PKCS11_PIN has no PIN for the token')
  const { openPkcs11Token } = await import('../shared/key/signer.pkcs11.ts')
  try {
    const { module: modulePath, token: tokenLabel } = pkcs11
    return await work(await openPkcs11Token({ modulePath, tokenLabel, pin }))
  } catch (cause) {
    throw new OperatorError('key_invalid', `PKCS#11: ${(cause as Error).message}`, { cause })
  }
}

function readWatchlists(config: IssuerConfig, at: (path: string) => string) {
  if (config.watchlists.length === 0) return [readWatchlist(readBytes(BUILT_IN_WATCHLIST))]
  return config.watchlists.map(({ file, sha256 }) => readWatchlist(readBytes(at(file)), sha256))
}

/** The log is named for the issuer; carnet-audit compares the name in checkpoints with it. C2SP tlog-checkpoint. */
function logOrigin({ baseUrl }: IssuerConfig): string {
  return `${new URL(baseUrl).host}/log`
}

function readKey<Key>(path: string, open: (pkcs8: string) => Key): Key {
  try {
    return open(readBytes(path).toString())
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause
    throw new OperatorError('key_invalid', `${path} holds no key of the right kind`, { cause })
  }
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readBytes(path).toString() : undefined
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new OperatorError('file_unreadable', `cannot read ${path}`, { cause })
  }
}

function writeNewFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    throw new OperatorError('file_unreadable', `cannot make the file ${path}`, {
      cause,
      hint: 'is there one already?',
    })
  }
}
