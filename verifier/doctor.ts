import { addressFindings, certificateFindings, trustListFindings } from '../shared/doctor/checks.ts'
import { type Check, type Finding, ok, wrong } from '../shared/doctor/finding.ts'
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
import type { VerifierConfig } from './config.ts'

/** What a verifier's examination looks at, and with what. */
export interface VerifierExamination extends ServerExamination<VerifierConfig> {
  /** The trust list from where the configuration has it. */
  readonly readTrustList: () => Promise<string>
  readonly trustListSigner: () => PublicJwk
  /** Opens a P-256 key, PKCS#8 PEM. @throws Error when it is no such key */
  readonly openKey: (pkcs8: string) => Es256Signer
  /** Reads all that serving reads first. @throws OperatorError */
  readonly prepare: () => Promise<unknown>
  /** The names of all policies. @throws OperatorError */
  readonly policies: () => readonly string[]
}

/** Everything that `carnet-verifier serve` needs, and settings that are too weak; without the network when `offline`. */
export function verifierChecks(given: VerifierExamination, offline: boolean): readonly Check[] {
  const { config, clock } = given
  const shared = serverChecks(given, { name: 'verifier', keys: [config.access.key] })
  const isRemote = /^https?:/.test(config.trustList.source)
  const trustChecks: Check[] = [
    {
      name: 'trust list',
      run: async () => trustListFindings(await verifiedTrustList(given), clock()),
    },
    { name: 'access certificate', run: () => accessFindings(given) },
  ]
  const checks: Check[] = [
    ...shared.files,
    ...(offline && isRemote ? [] : trustChecks),
    { name: 'policies', run: () => policyFindings(given) },
    {
      name: 'start',
      run: async () => {
        await given.prepare()
        return [ok('everything that is read first is there')]
      },
    },
    ...shared.store,
    shared.mark,
    { name: 'settings', run: () => weakSettings(config) },
    ...shared.database,
  ]
  if (offline) return checks
  return [
    ...checks,
    shared.reach(
      'this verifier',
      `${config.baseUrl}/healthz`,
      'is it serving, and do DNS, proxy and firewall lead to it?',
    ),
    ...shared.receivers,
  ]
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

function weakSettings(config: VerifierConfig): readonly Finding[] {
  const { baseUrl, operator, allowPrivateNetworks, answerRetentionDays } = config
  return settingFindings(addressFindings({ baseUrl, operatorHost: operator?.host }), [
    [
      allowPrivateNetworks,
      'status lists and trust lists may be at private addresses',
      'set allowPrivateNetworks to false before real credentials are verified',
    ],
    [
      answerRetentionDays === undefined,
      'answers are kept until the platform erases them',
      'set answerRetentionDays to what your purpose needs',
    ],
    markBesideDatabase(config),
    tellsTooMuch(config),
  ])
}
