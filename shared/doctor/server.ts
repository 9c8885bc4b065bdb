import type { Clock } from '../clock.ts'
import type { Fetch } from '../fetch.ts'
import type { OperationSettings } from '../observe/settings.ts'
import { OperatorError } from '../operator-error.ts'
import { defaultMark, parseStoreLocation } from '../store/location.ts'
import type { SchemaState } from '../store/migrations.ts'
import type { WebhookSettings } from '../webhook/settings.ts'
import {
  clockFindings,
  diskFindings,
  reachFindings,
  runtimeFindings,
  schemaFindings,
  secretFindings,
} from './checks.ts'
import { type Check, type Finding, ok, weak, wrong } from './finding.ts'
import type { Machine } from './machine.ts'

/** What of a configuration every server has. */
interface ServerConfig extends OperationSettings {
  readonly baseUrl: string
  readonly database: string
  readonly logKey: string
  readonly logMark?: string | undefined
  readonly webhooks?: WebhookSettings | undefined
  readonly logLevel: string
}

/** What the examination of a server looks at, and with what. */
export interface ServerExamination<Config extends ServerConfig = ServerConfig> {
  readonly config: Config
  /** Where a path of the configuration is. */
  readonly at: (path: string) => string
  readonly machine: Machine
  readonly fetch: Fetch
  readonly clock: Clock
  /** @throws OperatorError */
  readonly readText: (path: string) => string
  /** Opens an Ed25519 key, PKCS#8 PEM. @throws Error when it is no such key */
  readonly openLogKey: (pkcs8: string) => unknown
  /** `undefined` while there is no database. @throws OperatorError */
  readonly schemaState: () => Promise<SchemaState | undefined>
}

/**
 * The checks that are the same for every server: those before a server's own and those after, and what goes over the
 * network. `name` is `issuer` or `verifier`, and `keys` are files of its own keys beside that of the log and of webhooks.
 */
export function serverChecks(
  given: ServerExamination,
  { name, keys }: { readonly name: 'issuer' | 'verifier'; readonly keys: readonly string[] },
): {
  readonly files: readonly Check[]
  readonly store: readonly Check[]
  readonly mark: Check
  readonly database: readonly Check[]
  readonly receivers: readonly Check[]
  readonly reach: (what: string, url: string, remedy: string) => Check
} {
  const { config, at, machine, fetch, clock, schemaState } = given
  const { webhooks } = config
  const secrets = [...keys, config.logKey]
  if (webhooks) secrets.push(webhooks.key, ...webhooks.announcedKeys)
  const location = parseStoreLocation(config.database)
  const mark = at(config.logMark ?? defaultMark(config.database, name))
  const reach = (what: string, url: string, remedy: string): Check => ({
    name: 'reachability',
    run: () => reachFindings(what, url, { fetch, clock, remedy }),
  })
  return {
    files: [
      { name: 'runtime', run: () => runtimeFindings(machine) },
      { name: 'secrets', run: () => secretFindings(machine, secrets.map(at)) },
      { name: 'log key', run: () => logKeyFindings(given, name) },
    ],
    store: [
      { name: 'store', run: async () => schemaFindings(await schemaState()) },
      {
        name: 'clock',
        run: async () => {
          const time = (await schemaState())?.serverTime
          return time === undefined ? [] : clockFindings(clock(), 'that of the database', time)
        },
      },
    ],
    mark: { name: 'disk', run: () => diskFindings(machine, 'the log mark', mark) },
    database:
      location?.engine === 'sqlite'
        ? [{ name: 'disk', run: () => diskFindings(machine, 'the database', at(location.path)) }]
        : [],
    receivers: (webhooks?.endpoints ?? []).map(({ url }) =>
      reach(
        'a webhook receiver',
        url,
        'deliveries wait and are tried again for days: mend the address or the receiver',
      ),
    ),
    reach,
  }
}

function logKeyFindings(
  { config, at, readText, openLogKey }: ServerExamination,
  name: string,
): Finding[] {
  for (const file of [config.logKey, ...(config.webhooks ? [config.webhooks.key] : [])]) {
    try {
      openLogKey(readText(at(file)))
    } catch (cause) {
      if (cause instanceof OperatorError) throw cause
      return [wrong(`${file} holds no Ed25519 key`, `carnet-${name} keys log --out FILE makes one`)]
    }
  }
  return [ok('opens')]
}

/** A setting that works and should not stay, where it is so. */
export type Weakness = readonly [isSo: boolean, message: string, remedy: string]

/** What is found of settings, and `ok` where nothing is. */
export function settingFindings(
  found: readonly Finding[],
  weaknesses: readonly Weakness[],
): readonly Finding[] {
  const all = [
    ...found,
    ...weaknesses.flatMap(([isSo, message, remedy]) => (isSo ? [weak(message, remedy)] : [])),
  ]
  return all.length === 0 ? [ok('nothing to mend')] : all
}

export function markBesideDatabase({ logMark }: ServerConfig): Weakness {
  return [
    logMark === undefined,
    'the log mark is kept beside the database and would be lost or restored with it',
    'set logMark to a file on another disk',
  ]
}

export function tellsTooMuch({ logLevel }: ServerConfig): Weakness {
  return [logLevel === 'debug', 'the log tells more than operation needs', 'set logLevel to info']
}
