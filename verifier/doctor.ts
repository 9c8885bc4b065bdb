import type { Clock } from '../shared/clock.ts'
import {
  addressFindings,
  certificateFindings,
  clockFindings,
  diskFindings,
  reachFindings,
  runtimeFindings,
  schemaFindings,
  secretFindings,
  trustListFindings,
} from '../shared/doctor/checks.ts'
import { type Check, type Finding, ok, weak, wrong } from '../shared/doctor/finding.ts'
import type { Machine } from '../shared/doctor/machine.ts'
import type { Fetch } from '../shared/fetch.ts'
import type { Es256Signer, PublicJwk } from '../shared/key/signer.ts'
import { OperatorError } from '../shared/operator-error.ts'
import { defaultMark, parseStoreLocation } from '../shared/store/location.ts'
import type { SchemaState } from '../shared/store/migrations.ts'
import { x5cOfPem } from '../shared/trust/pem-chain.ts'
import {
  anchorsOf,
  requireKind,
  type TrustList,
  verifyTrustList,
} from '../shared/trust/trust-list.ts'
import { verifyX5c } from '../shared/trust/x5c.ts'
import type { VerifierConfig } from './config.ts'

/** What a verifier's examination looks at, and with what. */
export interface VerifierExamination {
  readonly config: VerifierConfig
  /** Where a path of the configuration is. */
  readonly at: (path: string) => string
  readonly machine: Machine
  readonly fetch: Fetch
  readonly clock: Clock
  /** @throws OperatorError */
  readonly readText: (path: string) => string
  /** The trust list from where the configuration has it. */
  readonly readTrustList: () => Promise<string>
  readonly trustListSigner: () => PublicJwk
  /** Opens a P-256 key, PKCS#8 PEM. @throws Error when it is no such key */
  readonly openKey: (pkcs8: string) => Es256Signer
  /** Opens an Ed25519 key, PKCS#8 PEM. @throws Error when it is no such key */
  readonly openLogKey: (pkcs8: string) => unknown
  /** `undefined` while there is no database. @throws OperatorError */
  readonly schemaState: () => Promise<SchemaState | undefined>
  /** Reads all that serving reads first. @throws OperatorError */
  readonly prepare: () => Promise<unknown>
  /** The names of all policies. @throws OperatorError */
  readonly policies: () => readonly string[]
}

/** Everything that `carnet-verifier serve` needs, and settings that are too weak; without the network when `offline`. */
export function verifierChecks(given: VerifierExamination, offline: boolean): readonly Check[] {
  const { config, at, machine, fetch, clock } = given
  const location = parseStoreLocation(config.database)
  const databaseFile = location?.engine === 'sqlite' ? at(location.path) : undefined
  const isRemote = /^https?:/.test(config.trustList.source)
  const trustChecks: Check[] = [
    {
      name: 'trust list',
      run: async () => trustListFindings(await verifiedTrustList(given), clock()),
    },
    { name: 'access certificate', run: () => accessFindings(given) },
  ]
  const checks: Check[] = [
    { name: 'runtime', run: () => runtimeFindings(machine) },
    { name: 'secrets', run: () => secretFindings(machine, secretFiles(given)) },
    { name: 'log key', run: () => logKeyFindings(given) },
    ...(offline && isRemote ? [] : trustChecks),
    { name: 'policies', run: () => policyFindings(given) },
    {
      name: 'start',
      run: async () => {
        await given.prepare()
        return [ok('everything that is read first is there')]
      },
    },
    { name: 'store', run: async () => schemaFindings(await given.schemaState()) },
    {
      name: 'clock',
      run: async () => {
        const time = (await given.schemaState())?.serverTime
        return time === undefined ? [] : clockFindings(clock(), 'that of the database', time)
      },
    },
    {
      name: 'disk',
      run: () =>
        diskFindings(
          machine,
          'the log mark',
          at(config.logMark ?? defaultMark(config.database, 'verifier')),
        ),
    },
    { name: 'settings', run: () => settingFindings(config) },
  ]
  if (databaseFile !== undefined) {
    checks.push({ name: 'disk', run: () => diskFindings(machine, 'the database', databaseFile) })
  }
  if (offline) return checks
  const reach = (what: string, url: string, remedy: string): Check => ({
    name: 'reachability',
    run: () => reachFindings(what, url, { fetch, clock, remedy }),
  })
  return [
    ...checks,
    reach(
      'this verifier',
      `${config.baseUrl}/healthz`,
      'is it serving, and do DNS, proxy and firewall lead to it?',
    ),
    ...(config.webhooks?.endpoints ?? []).map(({ url }) =>
      reach(
        'a webhook receiver',
        url,
        'deliveries wait and are tried again for days: mend the address or the receiver',
      ),
    ),
  ]
}

function secretFiles({ config, at }: VerifierExamination): string[] {
  const webhooks = config.webhooks ? [config.webhooks.key, ...config.webhooks.announcedKeys] : []
  return [config.access.key, config.logKey, ...webhooks].map(at)
}

function logKeyFindings({ config, at, readText, openLogKey }: VerifierExamination): Finding[] {
  try {
    openLogKey(readText(at(config.logKey)))
    return [ok('opens')]
  } catch (cause) {
    if (cause instanceof OperatorError) throw cause
    return [
      wrong(
        `${config.logKey} holds no Ed25519 key`,
        'carnet-verifier keys log --out FILE makes one',
      ),
    ]
  }
}

async function verifiedTrustList(given: VerifierExamination): Promise<TrustList> {
  const jwt = (await given.readTrustList()).trim()
  const list = verifyTrustList(jwt, { signerKey: given.trustListSigner(), now: given.clock() })
  requireKind(list, { expectedSandbox: given.config.sandbox })
  return list
}

async function accessFindings(given: VerifierExamination): Promise<Finding[]> {
  const { config, at, readText, clock } = given
  const now = clock()
  const anchors = anchorsOf(await verifiedTrustList(given))
  const x5c = x5cOfPem(readText(at(config.access.chain)))
  const { leaf } = verifyX5c(x5c, { role: 'relying-party-access', anchors, now })
  const signer = given.openKey(readText(at(config.access.key)))
  const remedy = 'have a new key certified, and put both files in place before that day'
  return [
    ...(leaf.publicJwk.x === signer.publicJwk.x
      ? []
      : [wrong('access.chain certifies another key', 'name the chain of this key')]),
    ...certificateFindings('access.chain', leaf.notAfter, now, remedy),
  ]
}

function policyFindings({ config, policies }: VerifierExamination): Finding[] {
  const names = policies()
  return names.includes(config.defaultPolicy)
    ? [ok(`${names.length}, and ${config.defaultPolicy} is asked for where nothing is said`)]
    : [
        wrong(
          `there is no policy ${config.defaultPolicy}`,
          `set defaultPolicy to one of ${names.join(', ')}`,
        ),
      ]
}

function settingFindings(config: VerifierConfig): Finding[] {
  const found = addressFindings({ baseUrl: config.baseUrl, operatorHost: config.operator?.host })
  const say = (when: boolean, message: string, remedy: string): void => {
    if (when) found.push(weak(message, remedy))
  }
  say(
    config.allowPrivateNetworks,
    'status lists and trust lists may be at private addresses',
    'set allowPrivateNetworks to false before real credentials are verified',
  )
  say(
    config.answerRetentionDays === undefined,
    'answers are kept until the platform erases them',
    'set answerRetentionDays to what your purpose needs',
  )
  say(
    config.logMark === undefined,
    'the log mark is kept beside the database and would be lost or restored with it',
    'set logMark to a file on another disk',
  )
  say(
    config.logLevel === 'debug',
    'the log tells more than operation needs',
    'set logLevel to info',
  )
  return found.length === 0 ? [ok('nothing to mend')] : found
}
