import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { asOperatorError } from '../shared/audit/log.ts'
import { openMarkFile } from '../shared/audit/mark.file.ts'
import { noteVerifier } from '../shared/audit/note.ts'
import { makeBackup, restoreBackup } from '../shared/backup/backup.file.ts'
import { acceptBackup, backupIdentity, backupKey } from '../shared/backup/backup.ts'
import {
  checkSnapshot,
  signedCheckpoint,
  snapshotDatabase,
} from '../shared/backup/snapshot.sqlite.ts'
import { systemClock } from '../shared/clock.ts'
import { closeAll } from '../shared/close-all.ts'
import { type ConfigSources, readConfigSource } from '../shared/config.ts'
import { didResolver } from '../shared/did/resolver.ts'
import { thisMachine } from '../shared/doctor/machine.ts'
import type { Fetch } from '../shared/fetch.ts'
import { type HttpServer, listen, stopSignal } from '../shared/http/server.http.ts'
import { generateEd25519Key, openEd25519Key, openEs256Key } from '../shared/key/signer.software.ts'
import type { Ed25519Signer, Es256Signer, PublicJwk } from '../shared/key/signer.ts'
import { type Log, openLog } from '../shared/log.ts'
import { failureCounter } from '../shared/observe/count-failures.ts'
import type { Metrics } from '../shared/observe/metrics.ts'
import { operatorApplication } from '../shared/observe/operator.http.ts'
import { openReadiness } from '../shared/observe/readiness.ts'
import { x509HashClientId } from '../shared/oid4vp/client-id.ts'
import { OperatorError } from '../shared/operator-error.ts'
import { systemRandom } from '../shared/random.ts'
import { createStatusListCache } from '../shared/status-list/cache.ts'
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
import { verifyX5c } from '../shared/trust/x5c.ts'
import { measureWebhooks } from '../shared/webhook/metrics.ts'
import { DELIVERIES_KEPT_SECONDS, readWebhookKeys, startWebhooks } from '../shared/webhook/start.ts'
import { readSignerKey } from './commands/receipt.ts'
import {
  sharedByVerifiers,
  type VerifierConfig,
  type VerifierHostConfig,
  verifierConfigSchema,
  verifierHostSchema,
} from './config.ts'
import { withConfiguredKeys } from './configured-keys.ts'
import { verifierChecks } from './doctor.ts'
import { startChores } from './housekeeping.ts'
import { measureVerifier } from './metrics.ts'
import { policyFinder } from './policy-finder.ts'
import { BUILT_IN_POLICIES, readPolicies } from './policy-packs.ts'
import { statusListsFromNetwork } from './presentation/status.ts'
import { run } from './program.ts'
import type { VerifierIdentity } from './request/create.ts'
import { verifierApplication } from './server.http.ts'
import type { VerifierStorage } from './storage.ts'
import { type TrustListKeeper, trustListKeeper } from './trust-list.ts'
import type { World } from './world.ts'

/** Members of the configuration that name files. */
const FILES_OF_CONFIG = [
  ...['access.key', 'access.chain', 'logKey', 'trustList.source', 'trustList.signer'],
  ...['trustList.formerSigners.*', 'policies'],
]
/** How the configurations of verifiers are found. */
const TENANCY: Tenancy<VerifierHostConfig> = {
  schema: verifierHostSchema,
  env: process.env,
  prefix: 'CARNET_VERIFIER_',
  shared: sharedByVerifiers,
}
const MAX_FETCH_BYTES = 16 << 20
const FETCH_TIMEOUT_MS = 10_000
const DAY_SECONDS = 86_400
const UNANSWERED_RETENTION_DAYS = 30

process.umask(0o077)

const world: World = {
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  // The operator names the verifier to call, so its address may be anywhere.
  fetch: fetchWithin(true),
  clock: systemClock,
  random: systemRandom,
  pause: (milliseconds) => sleep(milliseconds),
  readFile,
  writeNewFile: (path, text) => {
    try {
      writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    } catch (cause) {
      throw new OperatorError('file_unreadable', `cannot make the file ${path}`, {
        cause,
        hint: 'is there one already, and does its folder exist?',
      })
    }
  },
  withWebhooks: (configFile, work) => withStorage(configFile, ({ webhooks }) => work(webhooks)),
  withKeys: (configFile, work) => withStorage(configFile, ({ keys }) => work(keys)),
  configuredKeys: (configFile) => openConfig(configFile).config.apiKeys,
  generateLogKey: () => generateEd25519Key().pkcs8,
  backup: async (configFile, { to, recipients, withDatabase }) => {
    const { config, at } = openConfig(configFile)
    const location = parseStoreLocation(config.database)
    const source = {
      program: 'carnet-verifier' as const,
      config: readConfigSource(verifierConfigSchema, configSources(configFile)),
      at,
      members: FILES_OF_CONFIG,
      mark: at(config.logMark ?? defaultMark(config.database, 'verifier')),
      database: withDatabase && location?.engine === 'sqlite' ? at(location.path) : undefined,
    }
    const key = backupKey(recipients, process.env.CARNET_BACKUP_PASSPHRASE)
    const now = systemClock()
    return makeBackup(source, { to, key, now, snapshot: snapshotDatabase, signedCheckpoint })
  },
  restore: ({ from, to, identity, mark, offline, newest }) =>
    restoreBackup({
      ...{ from, to, program: 'carnet-verifier' },
      identity: backupIdentity(
        identity && readFile(identity),
        process.env.CARNET_BACKUP_PASSPHRASE,
      ),
      accept: async (opened) => {
        const config = verifierConfigSchema.parse(opened.config)
        const signer = readKey(opened.fileOf('logKey') ?? config.logKey, openEd25519Key)
        const log = { origin: `${new URL(config.baseUrl).host}/log`, signer }
        const marks = [opened.files.mark, ...(mark === undefined ? [] : [mark])]
        return acceptBackup(opened, {
          log: noteVerifier(log.origin, signer.publicJwk),
          marks: Object.fromEntries(
            marks.map((file) => [file, existsSync(file) ? readFile(file) : undefined]),
          ),
          served: offline ? [] : [`${config.baseUrl}/log/checkpoint`],
          witnesses: [],
          fetch: world.fetch,
          isNewest: newest,
          check: (checkpoints) => checkSnapshot(opened.database ?? '', log, checkpoints),
          note: world.note,
        })
      },
    }),
  checks: (configFile, { offline }) => {
    const { config, at } = openConfig(configFile)
    const fetch = fetchWithin(config.allowPrivateNetworks)
    let state: ReturnType<typeof schemaState> | undefined
    const examination = {
      config,
      at,
      machine: thisMachine,
      fetch: world.fetch,
      clock: systemClock,
      prepare: () =>
        prepare(
          { name: undefined, config, at },
          openLog({ name: 'carnet-verifier', level: 'silent' }),
        ),
      readText: readFile,
      readTrustList: trustListReader(config.trustList.source, at, fetch),
      trustListSigner: () => readSignerKeys(config, at)[0],
      openKey: openEs256Key,
      openLogKey: openEd25519Key,
      // A large file takes long to look through, and several checks ask.
      schemaState: () => {
        state ??= schemaState(config, at)
        return state
      },
      policies: () => [...readAllPolicies(config, at).keys()].sort(),
    }
    return verifierChecks(examination, offline)
  },
  serve,
  platformKey: process.env.CARNET_PLATFORM_KEY,
}

process.exitCode = await run(process.argv.slice(2), world)

function configSources(choice: ConfigChoice): ConfigSources {
  return sourcesOf(choice, TENANCY)
}

function openConfig(choice: ConfigChoice): Tenant<VerifierConfig> {
  return readChosen(verifierConfigSchema, choice, TENANCY)
}

/** What was opened is closed again in the reverse order, whether serving ends or never begins. */
async function serve(choice: ConfigChoice): Promise<void> {
  const opened: (() => unknown)[] = []
  try {
    const log = await openServer(choice, (close) => opened.push(close))
    const signal = await stopSignal()
    log.info({ signal }, 'stopping')
  } catch (error) {
    await closeAll(opened).catch(() => undefined)
    throw error
  }
  await closeAll(opened)
}

type OnClose = (close: () => unknown) => void

async function openServer(choice: ConfigChoice, onClose: OnClose): Promise<Log> {
  const tenants = readTenants(verifierConfigSchema, choice, TENANCY)
  // What is of the program is the same in all of them.
  const [{ name, config }] = tenants
  const log = openLog({ name: 'carnet-verifier', level: config.logLevel })
  const prepared = await inTurn(tenants, (tenant) => prepare(tenant, log))
  refuseShared(prepared)
  const { metrics, metricsOf } = openHostMetrics(name !== undefined)
  const opened = await inTurn(prepared, (each) => openVerifier(each, metricsOf, onClose))
  // Last, so that nothing listens when something before it has failed.
  const server = await listen(config.listen)
  onClose(() => server.close())
  const operator = config.operator && (await listen(config.operator))
  onClose(() => operator?.close())
  const verifiers = await inTurn(opened, (each) => startVerifier(each, server, onClose))
  const { listener, view } = hostTenants(verifiers, { metrics, log, random: systemRandom })
  operator?.serve(operatorApplication(view))
  server.serve(listener)
  // Nobody works for requests any more once the last of them is answered.
  onClose(() => server.close(config.stop.drainSeconds * 1000))
  for (const verifier of verifiers) verifier.tellServing()
  return log
}

type PreparedVerifier = Awaited<ReturnType<typeof prepare>>
type OpenedVerifier = Awaited<ReturnType<typeof openVerifier>>

/** Reads everything that a verifier's configuration names, and finds what is wrong with it. */
async function prepare(tenant: Tenant<VerifierConfig>, programLog: Log) {
  const { name, config, at } = tenant
  const log = logOfTenant(programLog, name)
  const policies = readAllPolicies(config, at)
  const defaultPolicy = policies.get(config.defaultPolicy)
  if (!defaultPolicy) {
    throw new OperatorError(
      'config_invalid',
      `defaultPolicy: there is no policy ${config.defaultPolicy}`,
      {
        hint: `there are: ${[...policies.keys()].sort().join(', ')}`,
      },
    )
  }
  const identity = readIdentity(config, at)
  const logSigner = readKey(at(config.logKey), openEd25519Key)
  const webhookKeys = readWebhookKeys(config.webhooks, (path) => readKey(at(path), openEd25519Key))
  const [trustListSignerKey, ...formerSignerKeys] = readSignerKeys(config, at)
  const mark = at(config.logMark ?? defaultMark(config.database, 'verifier'))
  const own: Own = [
    ['address', new URL(config.baseUrl).host],
    ['database', await databaseIdentity(config.database, { at, identify })],
    ['logMark', fileIdentity(mark)],
    ['logKey', logSigner.publicJwk.x],
    ['access key', identity.signer.publicJwk.x],
    ...webhookKeys.map(({ publicJwk }) => ['webhook key', publicJwk.x] as const),
  ]
  return {
    ...{ name, tenant, log, policies, defaultPolicy, identity, logSigner, webhookKeys },
    ...{ trustListSignerKey, formerSignerKeys, mark, own },
  }
}

/** Asks a PostgreSQL what it is. @throws OperatorError */
async function identify(url: string): Promise<string> {
  const { identifyDatabase } = await import('../shared/store/database.postgres.ts')
  return identifyDatabase(url)
}

/** Opens what a verifier keeps and relies on. Nothing is served yet. */
async function openVerifier(
  prepared: PreparedVerifier,
  metricsOf: (name: string | undefined) => Metrics,
  onClose: OnClose,
) {
  const { name, log, identity, logSigner, trustListSignerKey } = prepared
  const { config, at } = prepared.tenant
  const fetch = fetchWithin(config.allowPrivateNetworks)
  const storage = await openStorage(config, at)
  onClose(() => storage.close())
  const metrics = metricsOf(name)
  const counted = failureCounter(metrics)
  const store = counted('verifier', storage.store)
  const keys = withConfiguredKeys(counted('keys', storage.keys), config.apiKeys)
  const auditLog = storage.openLog({
    origin: `${new URL(config.baseUrl).host}/log`,
    signer: logSigner,
    mark: openMarkFile(prepared.mark),
  })
  const trustList = await trustListKeeper({
    store,
    read: trustListReader(config.trustList.source, at, fetch),
    signerKey: trustListSignerKey,
    sandbox: config.sandbox,
  }).catch((cause: unknown) => {
    if (!(cause instanceof TrustError)) throw cause
    throw new OperatorError('trust_invalid', `the database: ${cause.message}`, { cause })
  })
  const statusLists = statusListsFromNetwork(fetch, createStatusListCache())
  await firstTrustList(trustList, identity, log)
  await auditLog
    .publish(systemClock())
    .catch((error: unknown) => Promise.reject(asOperatorError(error)))
  return { name, prepared, fetch, storage, metrics, store, keys, auditLog, trustList, statusLists }
}

/** Puts the endpoints of a verifier together and starts what it does by itself. */
async function startVerifier(opened: OpenedVerifier, server: HttpServer, onClose: OnClose) {
  const { name, prepared, fetch, storage, metrics, store, keys, auditLog } = opened
  const { trustList, statusLists } = opened
  const { log, policies, defaultPolicy, identity, webhookKeys } = prepared
  const { trustListSignerKey, formerSignerKeys } = prepared
  const { config } = prepared.tenant
  measureVerifier(metrics, { trustList, auditLog, clock: systemClock })
  measureWebhooks(metrics, storage.webhooks, systemClock)
  measureLeases(metrics, storage.leases)
  const checkHealth = (): void => {
    trustList.current(systemClock())
  }
  const readiness = openReadiness(
    { store: () => storage.checkWritable(), trust_list: checkHealth },
    {
      clock: systemClock,
      isStopping: server.isStopping,
      report: (check, error) => log.warn({ check, err: error }, 'not ready'),
    },
  )
  const application = verifierApplication({
    store,
    identity,
    policies,
    defaultPolicy,
    trustList,
    trustListSignerKeys: [trustListSignerKey, ...formerSignerKeys],
    auditLog,
    log,
    findPolicy: policyFinder(policies, store),
    resolveStatus: statusLists.resolve,
    resolveDid: didResolver(fetch),
    keys: { store: keys, clock: systemClock },
    redirectOrigins: config.redirectOrigins,
    lifetimeSeconds: config.requestLifetimeSeconds,
    webhooks: storage.webhooks,
    webhookKeys: webhookKeys.map(({ publicJwk }) => publicJwk),
    observation: { observeRequest: metrics.observeRequest, readiness },
    clock: systemClock,
    random: systemRandom,
  })
  const chores = startChores(
    [
      {
        name: 'trust list',
        everySeconds: config.trustList.refreshSeconds,
        run: () => trustList.refresh(systemClock()),
      },
      {
        name: 'status lists',
        everySeconds: 5,
        run: async () => {
          const now = systemClock()
          await statusLists.refresh({ anchors: trustList.current(now).anchors, now })
        },
      },
      { name: 'expiry', everySeconds: 10, run: () => store.expireRequests(systemClock()) },
      {
        name: 'retention',
        everySeconds: 3600,
        run: () => {
          const now = systemClock()
          const days = config.answerRetentionDays
          return store.forgetRequests({
            unanswered: now - UNANSWERED_RETENTION_DAYS * DAY_SECONDS,
            answered: days === undefined ? undefined : now - days * DAY_SECONDS,
          })
        },
      },
      {
        name: 'deliveries',
        everySeconds: 3600,
        run: () => storage.webhooks.forgetSettled(systemClock() - DELIVERIES_KEPT_SECONDS),
      },
      { name: 'log checkpoint', everySeconds: 1, run: () => auditLog.publish(systemClock()) },
    ],
    log,
  )
  const webhooks = await startWebhooks({
    settings: config.webhooks,
    signer: webhookKeys[0],
    store: storage.webhooks,
    source: config.baseUrl,
    clock: systemClock,
    random: systemRandom,
    schedule: (milliseconds, work) => {
      const timer = setTimeout(work, milliseconds)
      return () => clearTimeout(timer)
    },
    onFailure: (error) => log.error({ err: error }, 'webhooks were not delivered'),
  })
  onClose(() => auditLog.publish(systemClock()))
  onClose(() => webhooks.stop())
  onClose(() => chores.stop())
  return {
    ...{ name, baseUrl: config.baseUrl, listener: application, checkHealth, readiness },
    tellServing: () => {
      const { clientId } = identity
      log.info({ url: config.baseUrl, client_id: clientId, log: auditLog.vkey }, 'serving')
    },
  }
}

/** Runs `work` on what a verifier keeps, and closes it. */
async function withStorage<Result>(
  choice: ConfigChoice,
  work: (storage: VerifierStorage) => Promise<Result>,
): Promise<Result> {
  const { config, at } = openConfig(choice)
  const storage = await openStorage(config, at)
  try {
    return await work(storage)
  } finally {
    await storage.close()
  }
}

/** The policies of the package and of the configuration. @throws OperatorError */
function readAllPolicies(
  config: VerifierConfig,
  at: (path: string) => string,
): ReturnType<typeof readPolicies> {
  const folders = [BUILT_IN_POLICIES, ...(config.policies ? [at(config.policies)] : [])]
  return readPolicies(folders, { sandbox: config.sandbox })
}

/** What stands in the database that the configuration names; nothing is changed. @throws OperatorError */
async function schemaState(
  { database }: VerifierConfig,
  at: (path: string) => string,
): Promise<SchemaState | undefined> {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') {
    const { examineVerifierDatabase } = await import('./storage.postgres.ts')
    return examineVerifierDatabase(location.url)
  }
  const path = at(location?.path ?? database)
  if (!existsSync(path)) return undefined
  const { examineVerifierDatabase } = await import('./storage.sqlite.ts')
  return examineVerifierDatabase(path)
}

/** Opens the database that the configuration names, with the one engine that it needs. */
async function openStorage(
  { database }: VerifierConfig,
  at: (path: string) => string,
): Promise<VerifierStorage> {
  const location = parseStoreLocation(database)
  if (location?.engine === 'postgres') {
    const { openVerifierStorage } = await import('./storage.postgres.ts')
    return openVerifierStorage(location.url, { random: systemRandom })
  }
  const { openVerifierStorage } = await import('./storage.sqlite.ts')
  return openVerifierStorage(at(location?.path ?? database), { random: systemRandom })
}

function fetchWithin(allowPrivate: boolean): Fetch {
  return guardedFetch({
    allowPrivate,
    maxBytes: MAX_FETCH_BYTES,
    timeoutMs: FETCH_TIMEOUT_MS,
    maxRedirects: 3,
  })
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new OperatorError('file_unreadable', `cannot read ${path}`, { cause })
  }
}

function readKey<Signer extends Es256Signer | Ed25519Signer>(
  path: string,
  open: (pkcs8: string) => Signer,
): Signer {
  const pem = readFile(path)
  try {
    return open(pem)
  } catch (cause) {
    throw new OperatorError(
      'key_invalid',
      `${path} is not the kind of private key that is needed`,
      { cause },
    )
  }
}

function readIdentity(config: VerifierConfig, at: (path: string) => string): VerifierIdentity {
  const signer = readKey(at(config.access.key), openEs256Key)
  const chainFile = at(config.access.chain)
  try {
    const x5c = x5cOfPem(readFile(chainFile))
    return { baseUrl: config.baseUrl, clientId: x509HashClientId(x5c[0] ?? ''), signer, x5c }
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new OperatorError('key_invalid', `${chainFile}: ${cause.message}`, { cause })
  }
}

/** The key that signs the trust list now, then those that signed lists which kept answers rest on. */
function readSignerKeys(
  { trustList }: VerifierConfig,
  at: (path: string) => string,
): [PublicJwk, ...PublicJwk[]] {
  const read = (path: string): PublicJwk => readSignerKey(at(path), readFile(at(path)))
  return [read(trustList.signer), ...trustList.formerSigners.map(read)]
}

function trustListReader(
  source: string,
  at: (path: string) => string,
  fetch: Fetch,
): () => Promise<string> {
  if (!/^https?:/.test(source)) return async () => readFile(at(source))
  return async () => {
    const response = await fetch(source)
    if (response.status !== 200) throw new Error(`the trust list answered ${response.status}`)
    return response.text()
  }
}

/**
 * A list that cannot be reached yet is waited for, with the one kept last if it is in force; without one `/healthz`
 * says so. A list that is not what it should be, or that does not name the authority of our own certificate, ends the
 * start.
 */
async function firstTrustList(
  trustList: TrustListKeeper,
  { signer, x5c }: VerifierIdentity,
  log: Log,
): Promise<void> {
  const now = systemClock()
  try {
    await trustList.refresh(now)
  } catch (error) {
    if (error instanceof OperatorError) throw error
    if (!(error instanceof TrustError) || error.code === 'fetch_failed') {
      log.warn(
        { err: error },
        'the trust list cannot be fetched: the one kept last is used while it lasts',
      )
      return
    }
    throw new OperatorError('trust_invalid', `the trust list: ${error.message}`, { cause: error })
  }
  try {
    const { anchors } = trustList.current(now)
    const { leaf } = verifyX5c(x5c, { role: 'relying-party-access', anchors, now })
    if (leaf.publicJwk.x === signer.publicJwk.x) return
  } catch (cause) {
    throw new OperatorError('trust_invalid', 'wallets will refuse the access certificate', {
      cause,
      hint: `${cause instanceof Error ? cause.message : ''}; is the chain without its anchor, and the anchor on the list?`,
    })
  }
  throw new OperatorError('key_invalid', 'the access key is not the key of the access certificate')
}
