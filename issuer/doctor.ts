import { addressFindings, certificateFindings, trustListFindings } from '../shared/doctor/checks.ts'
import { type Check, type Finding, ok, weak, wrong } from '../shared/doctor/finding.ts'
import {
  markBesideDatabase,
  type ServerExamination,
  serverChecks,
  settingFindings,
  tellsTooMuch,
} from '../shared/doctor/server.ts'
import type { Es256Signer, PublicJwk } from '../shared/key/signer.ts'
import { x5cOfPem } from '../shared/trust/pem-chain.ts'
import {
  anchorsOf,
  requireKind,
  type TrustList,
  verifyTrustList,
} from '../shared/trust/trust-list.ts'
import { verifyX5c } from '../shared/trust/x5c.ts'
import { readSignerJwk } from './commands/pki.ts'
import type { AttestationKey, IssuerConfig } from './config.ts'
import type { ServedPool } from './status/served-pools.ts'

/** A list smaller than this hides a holder in a small crowd. */
const SMALL_LIST = 2 ** 17
const DAY = 86_400
/** As long before nothing can be signed any more it is said. */
const NOTICE_DAYS = 30
const CERTIFY =
  'certify a new key and name it as attestation.successor, with the time it takes over'

/** What an issuer's examination looks at, and with what. */
export interface IssuerExamination extends ServerExamination<IssuerConfig> {
  /** @throws OperatorError */
  readonly openAttestationKey: (key: AttestationKey['key']) => Promise<Es256Signer>
  /** What is served; asked only of a database with this version's schema. */
  readonly servedPools: () => Promise<readonly ServedPool[]>
  /** Reads all that serving reads first, and answers in how many seconds the attestation key needs a successor. @throws OperatorError */
  readonly prepare: () => Promise<number>
  /** Digests of the pinned models that are there; what is absent is fetched. @throws Error which one cannot be had */
  readonly supplyModels: () => Promise<number>
}

/** Everything that `carnet-issuer serve` needs, and settings that are too weak; without the network when `offline`. */
export function issuerChecks(given: IssuerExamination, offline: boolean): readonly Check[] {
  const { config, clock } = given
  const shared = serverChecks(given, { name: 'issuer', keys: ownKeys(config) })
  const checks: Check[] = [
    ...shared.files,
    { name: 'trust list', run: () => trustListFindings(readTrustList(given), clock()) },
    { name: 'attestation key', run: () => attestationFindings(given) },
    { name: 'start', run: () => startFindings(given) },
    ...shared.store,
    { name: 'status lists', run: () => listFindings(given) },
    shared.mark,
    { name: 'models', run: () => modelFindings(given, offline) },
    { name: 'settings', run: () => weakSettings(config) },
    ...shared.database,
  ]
  if (offline) return checks
  return [
    ...checks,
    shared.reach(
      'this issuer',
      `${config.baseUrl}/.well-known/openid-credential-issuer`,
      'is it serving, and do DNS, proxy and firewall lead to it?',
    ),
    ...(config.witnesses?.of ?? []).map(({ url }) =>
      shared.reach(
        'a witness',
        url,
        'without the quorum nothing is published: ask who runs the witness',
      ),
    ),
    ...shared.receivers,
  ]
}

function ownKeys({ attestation, evidence }: IssuerConfig): string[] {
  return [
    attestation.key,
    attestation.successor?.key,
    evidence.seenDocuments?.key,
    evidence.faceIndex?.key,
  ].filter((key) => typeof key === 'string')
}

function readTrustList({ config, at, readText, clock }: IssuerExamination): TrustList {
  const file = at(config.trustList.signer)
  const signerKey: PublicJwk = readSignerJwk(file, readText(file))
  const jwt = readText(at(config.trustList.file)).trim()
  const list = verifyTrustList(jwt, { signerKey, now: clock() })
  requireKind(list, { expectedSandbox: config.sandbox })
  return list
}

async function attestationFindings(given: IssuerExamination): Promise<Finding[]> {
  const { config, at, readText, clock } = given
  const now = clock()
  const { successor, ...first } = config.attestation
  const anchors = anchorsOf(readTrustList(given))
  const found: Finding[] = []
  for (const { key, chain, from } of [
    { ...first, from: now },
    ...(successor ? [{ ...successor, from: Math.max(now, successor.from) }] : []),
  ]) {
    const signer = await given.openAttestationKey(key)
    const x5c = x5cOfPem(readText(at(chain)))
    const { leaf } = verifyX5c(x5c, { role: 'attestation', anchors, now: from })
    if (leaf.publicJwk.x !== signer.publicJwk.x) {
      found.push(wrong(`${chain} certifies another key`, 'name the chain of this key'))
    }
    if (!leaf.sanUris.includes(config.baseUrl)) {
      found.push(
        wrong(
          `${chain} is not for ${config.baseUrl}`,
          'have it certified for the address that wallets use (subject alternative name)',
        ),
      )
    }
    found.push(...certificateFindings(chain, leaf.notAfter, now, CERTIFY))
  }
  return found
}

/** What serving itself would say before it opens anything. */
async function startFindings({ prepare }: IssuerExamination): Promise<Finding[]> {
  const days = Math.floor((await prepare()) / DAY)
  const text = `a new credential outlives every attestation certificate in ${days} days`
  return [days < NOTICE_DAYS ? weak(text, CERTIFY) : ok('everything that is read first is there')]
}

/** Offline nothing is fetched, so that only a start tells whether the files are there. */
async function modelFindings(
  { supplyModels }: IssuerExamination,
  offline: boolean,
): Promise<Finding[]> {
  if (offline) return [ok('not looked at without the network: what is absent would be fetched')]
  return [ok(`${await supplyModels()} files of the pinned digests`)]
}

async function listFindings(given: IssuerExamination): Promise<Finding[]> {
  const state = await given.schemaState()
  if (state === undefined) return [ok('none are published yet')]
  if (state.pending > 0) {
    return [weak('not looked at before the database is migrated', 'examine again after the start')]
  }
  const pools = await given.servedPools()
  // After it was read what was published: a server may be publishing meanwhile.
  const now = given.clock()
  return pools.map(({ pool, iat, exp }): Finding => {
    if (iat > now) {
      return wrong(
        `lists of ${pool} were published in the future`,
        'the clock was set back: set it right, or wait until it has passed that time',
      )
    }
    if (exp <= now) {
      return wrong(
        `what is served of the lists of ${pool} has expired`,
        'serve: verifiers refuse every credential of these lists until then',
      )
    }
    return ok(`lists of ${pool} were published ${now - iat} s ago`)
  })
}

function weakSettings(config: IssuerConfig): readonly Finding[] {
  const { baseUrl, operator, listen, witnesses, watchlists, status, evidence } = config
  return settingFindings(addressFindings({ baseUrl, operatorHost: operator?.host }), [
    [
      baseUrl.startsWith('https:') && listen.trustedProxies.length === 0,
      'no proxy is trusted, so everybody behind it shares one rate limit',
      'name the TLS proxy in listen.trustedProxies',
    ],
    [
      witnesses === undefined,
      'no witness sees the log, so that a split view stays unseen',
      'agree with two others on running witnesses (carnet-audit witness), and name them',
    ],
    markBesideDatabase(config),
    [
      watchlists.length === 0,
      'only the made-up watchlist of the package is screened',
      'name the lists that the law asks for in watchlists, with their SHA-256',
    ],
    [
      status.listSize < SMALL_LIST,
      `a list of ${status.listSize} entries makes a small crowd to hide in`,
      `set status.listSize to ${2 ** 20}`,
    ],
    [
      evidence.undocumentedModels,
      'networks whose training data nobody documents may run',
      'set evidence.undocumentedModels to false where your rules ask for it; liveness is then not assured',
    ],
    tellsTooMuch(config),
  ])
}
