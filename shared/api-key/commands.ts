import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Clock, type NumericDate, toDateTime } from '../clock.ts'
import { OperatorError } from '../operator-error.ts'
import type { Random } from '../random.ts'
import type { ConfigChoice } from '../tenant/choice.ts'
import {
  type ApiKey,
  type FreshKey,
  isActive,
  type KeyRole,
  makeKey,
  type Scope,
  scopesOf,
} from './api-key.ts'
import type { ApiKeyStore } from './store.ts'

/** What the commands need of a program. */
export interface KeyWorld {
  readonly print: (line: string) => void
  readonly note: (line: string) => void
  readonly clock: Clock
  readonly random: Random
  /** Runs `work` on the keys of what a configuration names. The server may run at the same time. */
  readonly withKeys: <Result>(
    configFile: ConfigChoice,
    work: (store: ApiKeyStore) => Promise<Result>,
  ) => Promise<Result>
  /** The keys that a configuration itself has, for a program whose configuration may have some. No command changes them. */
  readonly configuredKeys?: (configFile: ConfigChoice) => readonly { readonly name: string }[]
}

interface ConfigOption {
  readonly config?: ConfigChoice
}

const DAY = 86_400
const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: DAY }
const LONGEST_DAYS = 3650

/** Adds `add`, `list`, `rotate` and `revoke` to the commands about keys of a program that has these roles. */
export function addApiKeys(
  keys: Command,
  world: KeyWorld,
  { roles, configOption }: { roles: readonly KeyRole[]; configOption: () => Option },
): void {
  const scopes = roles.flatMap(scopesOf)
  const expires = () =>
    new Option('--expires <TIME>', 'after how long it ends, such as 90d').argParser(duration)
  const expiresAnew = () =>
    new Option(
      '--expires <TIME>',
      'after how long it ends, or never; else as long as the one before was made for',
    ).argParser((text) => (text === 'never' ? text : duration(text)))
  const name = () =>
    new Option('--name <NAME>', 'whose it is; what is done with it is recorded under it')
      .argParser(keyName)
      .makeOptionMandatory()
  keys
    .command('add')
    .description(`make a key for a ${roles.join(', ')} and print it once`)
    .addOption(configOption())
    .addOption(
      new Option('--role <ROLE>', 'what its owner may do')
        .choices([...roles])
        .makeOptionMandatory(),
    )
    .addOption(name())
    .addOption(
      new Option('--scope <SCOPE...>', 'only these; else all of the role').choices([...scopes]),
    )
    .addOption(expires())
    .action((given: Parameters<typeof addKey>[2]) => addKey(world, keys, given))
  keys
    .command('list')
    .description('print ids, names, roles, scopes and dates')
    .addOption(configOption())
    .action((given: ConfigOption) => listKeys(world, given))
  keys
    .command('rotate')
    .description('make a new key for an owner and print it once; the old ones end after a while')
    .addOption(configOption())
    .addOption(name())
    .addOption(
      new Option('--overlap <TIME>', 'for how long the old ones still work: 30m, 12h, 7d')
        .argParser(duration)
        .default(7 * DAY, '7d'),
    )
    .addOption(expiresAnew())
    .action((given: Parameters<typeof rotateKey>[2]) => rotateKey(world, keys, given))
  keys
    .command('revoke')
    .description('end the keys of an owner, or one of them, at once')
    .addOption(configOption())
    .addOption(name())
    .option('--id <ID>', 'only the one with this id, which stands in its text', keyId)
    .action((given: Parameters<typeof revokeKey>[1]) => revokeKey(world, given))
}

async function addKey(
  world: KeyWorld,
  command: Command,
  given: ConfigOption & {
    readonly role: KeyRole
    readonly name: string
    readonly scope?: readonly Scope[]
    readonly expires?: number
  },
): Promise<void> {
  const { role, name, config, scope: scopes } = given
  const foreign = scopes?.find((scope) => !scopesOf(role).includes(scope))
  if (foreign !== undefined) {
    throw new OperatorError('key_invalid', `a ${role} key cannot have the scope ${foreign}`, {
      hint: `it can have ${scopesOf(role).join(', ')}`,
    })
  }
  if (isConfigured(world, given)) {
    throw new OperatorError('key_invalid', `apiKeys of the configuration has a key of ${name}`, {
      hint: 'name it otherwise, or take that one out of the configuration first',
    })
  }
  const { text, id, sha256 } = makeKey(role, world.random)
  const now = world.clock()
  const expiresAt = given.expires === undefined ? undefined : now + given.expires
  const added = await world.withKeys(config, (store) =>
    store.addKey(
      { id, name, role, scopes: scopes && [...new Set(scopes)], sha256, expiresAt },
      now,
    ),
  )
  if (!added) {
    throw new OperatorError('key_invalid', `there is a key named ${name} already`, {
      hint: 'keys rotate makes another one for the same owner',
    })
  }
  show(world, command, text)
}

async function listKeys(world: KeyWorld, { config }: ConfigOption): Promise<void> {
  const now = world.clock()
  const keys = await world.withKeys(config, (store) => store.keys())
  for (const key of keys) world.print(lineOf(key, now))
  for (const { name } of world.configuredKeys?.(config) ?? []) {
    world.print(['configured', name, 'platform', 'all', 'active'].join('  '))
  }
}

async function rotateKey(
  world: KeyWorld,
  command: Command,
  given: ConfigOption & {
    readonly name: string
    readonly overlap: number
    readonly expires?: number | 'never'
  },
): Promise<void> {
  const { name, config, overlap, expires } = given
  const now = world.clock()
  let fresh: (FreshKey & { readonly expiresAt: NumericDate | undefined }) | undefined
  const role = await world.withKeys(config, (store) =>
    store.rotateKey(
      {
        name,
        overlapUntil: now + overlap,
        make: (newest) => {
          const span = expires ?? spanOf(newest)
          const expiresAt = span === 'never' ? undefined : now + span
          fresh = { ...makeKey(newest.role, world.random), expiresAt }
          return fresh
        },
      },
      now,
    ),
  )
  if (role === undefined || fresh === undefined) {
    refuseConfigured(world, given)
    throw noneActive(name)
  }
  show(world, command, fresh.text)
  const { expiresAt } = fresh
  const program = command.parent?.name()
  world.note(`${program}: it ends ${expiresAt === undefined ? 'never' : toDateTime(expiresAt)}`)
  world.note(`${program}: the other keys of ${name} end ${toDateTime(now + overlap)}`)
  refuseConfigured(world, given)
}

/** For how long a key was made, in seconds. */
function spanOf({ createdAt, expiresAt }: Pick<ApiKey, 'createdAt' | 'expiresAt'>) {
  return expiresAt === undefined ? 'never' : expiresAt - createdAt
}

async function revokeKey(
  world: KeyWorld,
  given: ConfigOption & { readonly name: string; readonly id?: string },
): Promise<void> {
  const { name, id, config } = given
  const revoked = await world.withKeys(config, (store) =>
    store.revokeKeys({ name, id }, world.clock()),
  )
  if (revoked > 0) world.print(`${name}  ${revoked} revoked`)
  refuseConfigured(world, given)
  if (revoked === 0) throw noneActive(name)
}

function isConfigured(
  { configuredKeys }: KeyWorld,
  { name, config }: ConfigOption & { readonly name: string },
): boolean {
  return configuredKeys?.(config).some((key) => key.name === name) ?? false
}

/** What was done leaves a key that works on: the caller is not to take it for done. */
function refuseConfigured(world: KeyWorld, given: ConfigOption & { readonly name: string }): void {
  if (!isConfigured(world, given)) return
  throw new OperatorError(
    'key_invalid',
    `apiKeys of the configuration has a key of ${given.name}, which works on`,
    { hint: 'take it out of the configuration and start the server again' },
  )
}

function show({ print, note }: KeyWorld, command: Command, text: string): void {
  print(text)
  note(`${command.parent?.name()}: the key is shown once`)
}

function noneActive(name: string): OperatorError {
  return new OperatorError('key_invalid', `there is no such active key of ${name}`, {
    hint: 'keys list prints them',
  })
}

function lineOf(key: ApiKey, now: NumericDate): string {
  const { id, name, role, scopes, createdAt, expiresAt, lastUsedAt } = key
  return [
    ...[id, name, role, scopes?.join(',') ?? 'all', `made ${toDateTime(createdAt)}`],
    ...(expiresAt === undefined ? [] : [`ends ${toDateTime(expiresAt)}`]),
    lastUsedAt === undefined ? 'never used' : `used ${toDateTime(lastUsedAt)}`,
    stateOf(key, now),
  ].join('  ')
}

function stateOf(key: ApiKey, now: NumericDate): string {
  if (key.revokedAt !== undefined) return `revoked ${toDateTime(key.revokedAt)}`
  return isActive(key, now) ? 'active' : 'expired'
}

/** A time span such as `30m`, `12h` or `7d`, in seconds. */
function duration(text: string): number {
  const [, digits, unit] = /^(0|[1-9]\d{0,6})([mhd])$/.exec(text) ?? []
  const seconds = Number(digits) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (seconds <= LONGEST_DAYS * DAY) return seconds
  throw new InvalidArgumentError(`a time such as 30m, 12h or 7d, at most ${LONGEST_DAYS}d`)
}

function keyName(text: string): string {
  if (!/^[\w.-]{1,64}$/.test(text)) throw new InvalidArgumentError('letters, digits, . _ -')
  return text
}

function keyId(text: string): string {
  if (!/^[\w-]{12}$/.test(text)) throw new InvalidArgumentError('12 letters and digits')
  return text
}
