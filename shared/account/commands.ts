import { type Command, InvalidArgumentError, Option } from 'commander'
import { encodeBase64url } from '../base64url.ts'
import { type Clock, toDateTime } from '../clock.ts'
import { sha256Base64url } from '../hash.ts'
import { newIdentifier } from '../identifier.ts'
import { OperatorError } from '../operator-error.ts'
import type { Random } from '../random.ts'
import { ACCOUNT_NAME, INVITATION_BYTES } from './account.ts'
import type { AccountStore } from './store.ts'
import type { AccountRole } from './view.ts'

/** What the commands need of a program. */
export interface AccountWorld {
  readonly print: (line: string) => void
  readonly note: (line: string) => void
  readonly clock: Clock
  readonly random: Random
  /**
   * Runs `work` on the accounts that a configuration names, with the address of the page that they sign in to. The
   * server may run at the same time. @throws OperatorError where no page is configured
   */
  readonly withAccounts: <Result>(
    configFile: string | undefined,
    work: (store: AccountStore, page: string) => Promise<Result>,
  ) => Promise<Result>
}

interface Named {
  readonly config?: string
  readonly name: string
}

const HOUR = 3600
const ID_BYTES = 16

/** Adds `accounts` to a program: who may sign in to its pages. */
export function addAccounts(root: Command, world: AccountWorld, configOption: () => Option): void {
  const accounts = root.command('accounts').description('decide who may sign in to the pages')
  const hours = () =>
    new Option('--hours <NUMBER>', 'for how long the invitation holds')
      .default(24)
      .argParser(hoursOf)
  accounts
    .command('invite')
    .description('print a link, once, with which somebody makes a passkey')
    .argument('<NAME>', 'whose account it is, made where there is none', accountName)
    .addOption(
      new Option('--role <ROLE>', 'what they may do')
        .choices(['operator', 'reviewer'])
        .makeOptionMandatory(),
    )
    .addOption(hours())
    .addOption(configOption())
    .action((name: string, given: { config?: string; role: AccountRole; hours: number }) =>
      invite(world, { name, ...given }),
    )
  accounts
    .command('recover')
    .description('end every passkey and session of an account, and print a link for a new one')
    .argument('<NAME>', 'whose account it is', accountName)
    .addOption(hours())
    .addOption(configOption())
    .action((name: string, given: { config?: string; hours: number }) =>
      recover(world, { name, ...given }),
    )
  accounts
    .command('list')
    .description('print every account, with its passkeys and sessions')
    .addOption(configOption())
    .action((given: { config?: string }) => list(world, given))
  accounts
    .command('remove')
    .description('remove an account with its passkeys and sessions')
    .argument('<NAME>', 'whose account it is', accountName)
    .addOption(configOption())
    .action((name: string, given: { config?: string }) => remove(world, { name, ...given }))
  accounts
    .command('sessions')
    .description('look after sessions')
    .command('revoke')
    .description('end every session of an account')
    .argument('<NAME>', 'whose account it is', accountName)
    .addOption(configOption())
    .action((name: string, given: { config?: string }) => revokeSessions(world, { name, ...given }))
}

async function invite(
  world: AccountWorld,
  given: Named & { readonly role: AccountRole; readonly hours: number; readonly recovery?: true },
): Promise<void> {
  const { name, role, hours, config, recovery = false } = given
  const code = encodeBase64url(world.random(INVITATION_BYTES))
  const now = world.clock()
  const expiresAt = now + Math.round(hours * HOUR)
  await world.withAccounts(config, async (store, page) => {
    const account = { id: newIdentifier(world.random, ID_BYTES), name, role }
    const codeSha256 = sha256Base64url(code)
    if (!(await store.invite({ account, codeSha256, expiresAt, recovery }, now))) {
      throw new OperatorError('account_unknown', `the account ${name} has another role`, {
        hint: 'accounts remove ends it; then invite it with the role it shall have',
      })
    }
    world.print(`${page}#invitation=${code}`)
  })
  world.note(`the link is shown once and serves once, until ${toDateTime(expiresAt)}`)
}

async function recover(world: AccountWorld, given: Named & { hours: number }): Promise<void> {
  const known = await world.withAccounts(given.config, async (store) =>
    (await store.accounts(world.clock())).find(({ name }) => name === given.name),
  )
  if (known === undefined) throw unknown(given.name)
  await invite(world, { ...given, role: known.role, recovery: true })
}

async function list(world: AccountWorld, { config }: { config?: string }): Promise<void> {
  await world.withAccounts(config, async (store) => {
    for (const account of await store.accounts(world.clock())) {
      const { name, role, passkeys, sessions, lastUsedAt, invitedUntil } = account
      world.print(
        [
          name,
          role,
          `${passkeys} passkeys`,
          `${sessions} sessions`,
          `last in ${lastUsedAt === undefined ? 'never' : toDateTime(lastUsedAt)}`,
          ...(invitedUntil === undefined ? [] : [`invited until ${toDateTime(invitedUntil)}`]),
        ].join('  '),
      )
    }
  })
}

async function remove(world: AccountWorld, { config, name }: Named): Promise<void> {
  const isRemoved = await world.withAccounts(config, (store) => store.removeAccount(name))
  if (!isRemoved) throw unknown(name)
  world.print(`${name}  removed`)
}

async function revokeSessions(world: AccountWorld, { config, name }: Named): Promise<void> {
  const ended = await world.withAccounts(config, (store) => store.endSessions(name, world.clock()))
  if (ended === undefined) throw unknown(name)
  world.print(`${name}  ${ended} sessions ended`)
}

function unknown(name: string): OperatorError {
  return new OperatorError('account_unknown', `there is no account named ${name}`, {
    hint: 'accounts list prints them',
  })
}

function accountName(text: string): string {
  if (!ACCOUNT_NAME.test(text)) throw new InvalidArgumentError('letters, digits, . _ -')
  return text
}

function hoursOf(text: string): number {
  const hours = /^\d{1,3}(\.\d{1,2})?$/.test(text) ? Number(text) : Number.NaN
  if (!(hours > 0 && hours <= 168)) throw new InvalidArgumentError('more than 0, at most 168')
  return hours
}
